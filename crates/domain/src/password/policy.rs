//! The policy for new passwords.
//!
//! Length, not composition; no forced change. Common passwords and those derived from public facts about the account are
//! rejected with the reason (NIST SP 800-63B-4, section 3.1.1).

use secrecy::{ExposeSecret, SecretString};

use crate::password::StrengthEstimator;
use crate::validation::Violation;

use super::PlainPassword;
use crate::account::{DisplayName, Email};

/// The longest password accepted, in code points.
const MAX_CODE_POINTS: usize = 256;

/// The name of this service, which a password may not be made of.
const SERVICE: &str = "doorward";

/// The minimum length of a part of an address or name to be compared with: shorter parts occur in many good passwords.
const SHORTEST_TERM: usize = 3;

/// Why a new password is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordWeakness {
    /// Fewer code points than configured.
    #[error("the password needs at least {0} characters")]
    TooShort(usize),
    /// More than 256 code points.
    #[error("the password may have at most {MAX_CODE_POINTS} characters")]
    TooLong,
    /// On the list of the most common passwords.
    #[error("this is one of the passwords that are tried first")]
    Common,
    /// The e-mail address, the name or the service's name, or little more than one of them.
    #[error("the password is made of the e-mail address, the name or the name of this service")]
    Derived,
    /// The estimated strength is below the minimum.
    #[error("the password is easy to guess: a longer one, or some uncommon words, would be better")]
    Weak,
}

impl PasswordWeakness {
    /// The broken rule as a stable machine-readable word, for problem details.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::TooLong => "too-long",
            Self::Common => "common-password",
            Self::Derived => "derived-password",
            Self::Weak => "weak-password",
        }
    }

    /// The violation for the input member at the JSON pointer `pointer`.
    pub fn at(self, pointer: &str) -> Violation {
        Violation::new(pointer, self.code(), self.to_string())
    }
}

/// The requirements for new passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The minimum length in code points.
    pub min_length: usize,
    /// The minimum estimate, on the scale of [`StrengthEstimate::score`](crate::password::StrengthEstimate::score).
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
    /// Checks a new password for a user with this address and name, if known. Returns the first weakness found.
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

/// The terms that an attacker who knows the account would try first, in lower case.
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

/// Whether the password consists of little more than `term` (or `term` backwards): fewer than four other letters and fewer
/// than eight other characters.
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
    fn a_password_made_of_public_facts_about_the_account_is_rejected() {
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
    fn a_password_that_only_contains_public_facts_is_left_to_the_estimator() {
        assert_eq!(check("lovelace hates gooseberries", 4, false), Ok(()));
        assert_eq!(
            check("lovelace hates gooseberries", 1, false),
            Err(PasswordWeakness::Weak)
        );
        assert_eq!(check("correct horse", 4, true), Err(PasswordWeakness::Common));
    }
}
