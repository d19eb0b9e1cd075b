//! `attempts.*`

use doorward_domain::attempt::AttemptPolicy;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::span::Span;

/// `attempts.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAttempts {
    /// How many wrong passwords have no wait after them; at most `attempts.daily`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub free: u32,
    /// The wait after the last free wrong password; it doubles with each one after that. At most `attempts.max_wait`.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub first_wait: Span,
    /// The longest wait.
    #[schemars(extend("x-min" = "1s", "x-max" = "24h"))]
    pub max_wait: Span,
    /// How many wrong passwords are verified for one account in any 24 hours. A network from which the owner has logged in
    /// has a count of its own.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub daily: u32,
}

impl Default for RawAttempts {
    fn default() -> Self {
        Self {
            free: 5,
            first_wait: Span::seconds(30),
            max_wait: Span::minutes(15),
            daily: 100,
        }
    }
}

impl RawAttempts {
    pub fn check(&self, checker: &mut Checker) -> AttemptPolicy {
        let first_wait = checker.at_most(
            "attempts.first_wait",
            self.first_wait,
            "attempts.max_wait",
            self.max_wait,
        );
        AttemptPolicy {
            free: checker.at_most("attempts.free", self.free, "attempts.daily", self.daily),
            first_wait: first_wait.0,
            max_wait: self.max_wait.0,
            daily: self.daily,
        }
    }
}
