//! The port that estimates how hard passwords are to guess.

use super::PlainPassword;

/// How hard a password is to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrengthEstimate {
    /// From 0 to 4: guessed within 10^3, 10^6, 10^8, 10^10 tries, or more.
    pub score: u8,
    /// Whether it is on the list of the passwords that are tried first.
    pub common: bool,
}

/// Estimates how hard passwords are to guess.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait StrengthEstimator: Send + Sync {
    /// Estimates `password` for somebody whose address, name and the like are `known`.
    fn estimate<'a>(&self, password: &PlainPassword, known: &[&'a str]) -> StrengthEstimate;
}
