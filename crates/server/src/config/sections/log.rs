//! `log.*`

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::logging::{LogFormat, LogSettings, check_directives};

/// `log.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawLog {
    /// `pretty` for people, `json` for machines.
    #[schemars(extend("x-default" = "`pretty` on a terminal, else `json`"))]
    pub format: Option<String>,
    /// `off`, `error`, `warn`, `info`, `debug` or `trace`, or several by target: `info,doorward_http=debug`. `debug` and
    /// `trace` without a target apply to Doorward's own code and leave the libraries it uses at `info`, because some of them
    /// log what clients send; name a library to see more of it: `debug,actix_web=debug`.
    pub level: String,
}

impl Default for RawLog {
    fn default() -> Self {
        Self {
            format: None,
            level: "info".into(),
        }
    }
}

impl RawLog {
    pub fn check(self, checker: &mut Checker) -> LogSettings {
        let format = self.format.and_then(|format| {
            let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
            checker.choice("log.format", &format, formats)
        });
        checker.accept("log.level", check_directives(&self.level));
        LogSettings {
            format,
            level: self.level,
        }
    }
}
