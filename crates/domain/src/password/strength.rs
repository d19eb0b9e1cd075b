//! The port that estimates the strength of passwords.

use super::PlainPassword;

/// The estimated strength of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrengthEstimate {
    /// From 0 to 4: guessed within 10^3, 10^6, 10^8, 10^10 guesses, or more.
    pub score: u8,
    /// Whether the password is on the list of the most common ones.
    pub common: bool,
}

/// Estimates how many guesses an attacker needs.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait StrengthEstimator: Send + Sync {
    /// Estimates `password` for a user whose address, name and the like are `known`.
    fn estimate<'a>(&self, password: &PlainPassword, known: &[&'a str]) -> StrengthEstimate;
}
