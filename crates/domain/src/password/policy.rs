//! Which passwords are good enough to be chosen.
//!
//! Length, not composition; no forced change; what is common or derived from what everybody knows about the account is
//! refused, and the reason is named (NIST SP 800-63B-4, section 3.1.1).

use secrecy::{ExposeSecret, SecretString};

use crate::password::StrengthEstimator;
use crate::validation::Violation;

use super::PlainPassword;
use crate::account::{DisplayName, Email};

/// The longest password accepted, in code points.
const MAX_CODE_POINTS: usize = 256;

/// The name of this service, which is no password for it.
const SERVICE: &str = "doorward";

/// The shortest part of an address or name that a password may not be made of: shorter ones stand in many good ones.
const SHORTEST_TERM: usize = 3;

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordWeakness {
    /// Fewer code points than configured.
    #[error("the password needs at least {0} characters")]
    TooShort(usize),
    /// More than 256 code points.
    #[error("the password may have at most {MAX_CODE_POINTS} characters")]
    TooLong,
    /// On the list of passwords that everybody tries first.
    #[error("this is one of the passwords that are tried first")]
    Common,
    /// The e-mail address, the name or the service's name, or little more than one of them.
    #[error("the password is made of the e-mail address, the name or the name of this service")]
    Derived,
    /// Guessable with little effort, as the estimator sees it.
    #[error("the password is easy to guess: a longer one, or some uncommon words, would be better")]
    Weak,
}

impl PasswordWeakness {
    /// The rule as a stable machine-readable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::TooLong => "too-long",
            Self::Common => "common-password",
            Self::Derived => "derived-password",
            Self::Weak => "weak-password",
        }
    }

    /// This weakness as a violation at `pointer`.
    pub fn at(self, pointer: &str) -> Violation {
        Violation::new(pointer, self.code(), self.to_string())
    }
}

/// The rules a chosen password is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest code points.
    pub min_length: usize,
    /// The lowest estimate accepted, on the scale of [`StrengthEstimate::score`](crate::password::StrengthEstimate::score).
    pub min_score: u8,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: 8,
            min_score: 2,
        }
    }
}

impl PasswordPolicy {
    /// Checks a password that somebody with this address and name wants to use, as far as they are known. Tells the first
    /// reason against it.
    pub fn check(
        &self,
        password: &PlainPassword,
        email: Option<&Email>,
        name: Option<&DisplayName>,
        estimator: &dyn StrengthEstimator,
    ) -> Result<(), PasswordWeakness> {
        let length = password.code_points();
        if length < self.min_length {
            return Err(PasswordWeakness::TooShort(self.min_length));
        }
        if length > MAX_CODE_POINTS {
            return Err(PasswordWeakness::TooLong);
        }
        let terms = known_terms(email, name);
        let folded = SecretString::from(password.expose().to_lowercase());
        if terms.iter().any(|term| is_derived(folded.expose_secret(), term)) {
            return Err(PasswordWeakness::Derived);
        }
        let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
        let estimate = estimator.estimate(password, &terms);
        if estimate.common {
            return Err(PasswordWeakness::Common);
        }
        if estimate.score < self.min_score {
            return Err(PasswordWeakness::Weak);
        }
        Ok(())
    }
}

/// What anybody who knows the account would try first, in lower case.
fn known_terms(email: Option<&Email>, name: Option<&DisplayName>) -> Vec<String> {
    let name = name.map(|name| name.as_str().to_lowercase()).unwrap_or_default();
    let mut terms = vec![
        SERVICE.to_owned(),
        name.clone(),
        name.split_whitespace().collect(),
    ];
    terms.extend(words_of(&name));
    if let Some(email) = email {
        terms.push(email.canonical().as_str().to_owned());
        terms.push(email.as_typed().to_lowercase());
        for part in [email.local_part(), email.domain()] {
            terms.push(part.to_owned());
            terms.extend(words_of(part));
        }
    }
    terms.retain(|term| term.chars().count() >= SHORTEST_TERM);
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// The runs of letters and digits of a text.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned)
}

/// Whether little but `term` (or `term` backwards) is in the password: fewer than four letters and fewer than eight
/// characters besides.
fn is_derived(password: &str, term: &str) -> bool {
    let backwards: String = term.chars().rev().collect();
    [term, &backwards]
        .into_iter()
        .filter(|term| password.contains(*term))
        .any(|term| {
            let rest = password.replace(term, "");
            let letters = rest.chars().filter(|c| c.is_alphabetic()).count();
            letters < 4 && rest.chars().count() < 8
        })
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::password::{MockStrengthEstimator, StrengthEstimate};

    fn check(password: &str, score: u8, common: bool) -> Result<(), PasswordWeakness> {
        let mut estimator = MockStrengthEstimator::new();
        estimator
            .expect_estimate()
            .returning(move |_, _| StrengthEstimate { score, common });
        let email = Email::parse("Ada.Lovelace@Engines.example").unwrap();
        let name = DisplayName::parse("Ada King Noel").unwrap();
        let password = PlainPassword::new(&SecretString::from(password));
        PasswordPolicy::default().check(&password, Some(&email), Some(&name), &estimator)
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(check("ééééééé", 4, false), Err(PasswordWeakness::TooShort(8)));
        assert_eq!(check("éééééééé", 4, false), Ok(()));
        assert_eq!(check(&"é".repeat(256), 4, false), Ok(()));
        assert_eq!(check(&"é".repeat(257), 4, false), Err(PasswordWeakness::TooLong));
    }

    #[test]
    fn what_everybody_knows_of_the_account_is_refused() {
        for password in [
            "ada.lovelace@engines.example",
            "Lovelace1815!",
            "ecalevol",
            "LOVELACElovelace",
            "engines.example",
            "Doorward2026!",
            "adakingnoel",
            "ada king noel",
            "1234lovelace",
        ] {
            assert_eq!(
                check(password, 4, false),
                Err(PasswordWeakness::Derived),
                "{password}"
            );
        }
    }

    #[test]
    fn what_merely_contains_it_is_judged_by_the_estimator() {
        assert_eq!(check("lovelace hates gooseberries", 4, false), Ok(()));
        assert_eq!(
            check("lovelace hates gooseberries", 1, false),
            Err(PasswordWeakness::Weak)
        );
        assert_eq!(check("correct horse", 4, true), Err(PasswordWeakness::Common));
    }
}
