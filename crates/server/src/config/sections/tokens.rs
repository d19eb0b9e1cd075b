//! `tokens.*`

use core::time::Duration;

use doorward_domain::session::SessionPolicy;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::span::Span;

/// The longest audience, in characters.
const MAX_AUDIENCE: usize = 256;

/// `tokens.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawTokens {
    /// The audience of access tokens (`aud`): 1 to 256 characters.
    pub audience: String,
    /// The lifetime of an access token, in whole seconds.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub access_ttl: Span,
    /// The lifetime of a session, even if it is used all the time.
    #[schemars(extend("x-min" = "1s", "x-max" = "3650d"))]
    pub refresh_ttl: Span,
    /// The lifetime of a session that is not refreshed; at most `tokens.refresh_ttl`.
    #[schemars(extend("x-min" = "1s", "x-max" = "3650d"))]
    pub refresh_idle: Span,
    /// How long a refresh token that has just been used still returns the same successor, for lost responses and for tabs
    /// that refresh at the same time. With `"0s"` every retry counts as a replay.
    #[schemars(extend("x-min" = "0s", "x-max" = "5m"))]
    pub refresh_grace: Span,
    /// How far the clocks of instances may differ when the times in a token are checked, in whole seconds.
    #[schemars(extend("x-min" = "0s", "x-max" = "60s"))]
    pub leeway: Span,
    /// Whether access tokens carry the e-mail address of the user.
    pub email: bool,
    /// How many active sessions a user may have; a login beyond that ends the least recently used one.
    #[schemars(range(min = 1, max = 10000))]
    pub max_sessions: u32,
}

impl Default for RawTokens {
    fn default() -> Self {
        Self {
            audience: "doorward".into(),
            access_ttl: Span::minutes(15),
            refresh_ttl: Span::days(30),
            refresh_idle: Span::days(7),
            refresh_grace: Span::seconds(10),
            leeway: Span::seconds(5),
            email: true,
            max_sessions: 50,
        }
    }
}

impl RawTokens {
    pub fn check(self, checker: &mut Checker) -> TokenSettings {
        let length = self.audience.chars().count();
        if length == 0 || length > MAX_AUDIENCE || self.audience.contains(char::is_control) {
            let what = format!("must be 1 to {MAX_AUDIENCE} characters, none of them a control character");
            checker.refuse("tokens.audience", &what);
        }
        // The times in a JWT are whole seconds.
        for (key, span) in [
            ("tokens.access_ttl", self.access_ttl),
            ("tokens.leeway", self.leeway),
        ] {
            if span.0.subsec_nanos() != 0 {
                checker.refuse(key, &format!("\"{span}\" is not a number of whole seconds"));
            }
        }
        let refresh_idle = checker.at_most(
            "tokens.refresh_idle",
            self.refresh_idle,
            "tokens.refresh_ttl",
            self.refresh_ttl,
        );
        TokenSettings {
            audience: self.audience,
            session: SessionPolicy {
                access_ttl: self.access_ttl.0,
                refresh_ttl: self.refresh_ttl.0,
                refresh_idle: refresh_idle.0,
                refresh_grace: self.refresh_grace.0,
                max_repeats: SessionPolicy::default().max_repeats,
                max_sessions: self.max_sessions,
            },
            leeway: self.leeway.0,
            email: self.email,
        }
    }
}

/// `tokens.*`
#[derive(Debug)]
pub struct TokenSettings {
    /// The audience of access tokens.
    pub audience: String,
    /// The lifetimes of tokens and sessions.
    pub session: SessionPolicy,
    /// How far clocks may differ.
    pub leeway: Duration,
    /// Whether access tokens carry the e-mail address.
    pub email: bool,
}
