//! `registration.*`

use doorward_domain::account::RegistrationMode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;

/// `registration.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRegistration {
    /// `open`: anyone can register. `closed`: only administrators and `doorward users create` create accounts.
    pub mode: String,
}

impl Default for RawRegistration {
    fn default() -> Self {
        Self { mode: "open".into() }
    }
}

impl RawRegistration {
    pub fn check(&self, checker: &mut Checker) -> RegistrationMode {
        const KEY: &str = "registration.mode";
        if self.mode == "confirmed" {
            let what =
                "\"confirmed\" needs mail, which this version cannot send; choose \"open\" or \"closed\"";
            checker.refuse(KEY, what);
            return RegistrationMode::Closed;
        }
        let modes = [
            ("open", RegistrationMode::Open),
            ("closed", RegistrationMode::Closed),
        ];
        checker.choice(KEY, &self.mode, modes).unwrap_or_default()
    }
}
