//! How, when and at which assurance level a user authenticated.

use core::fmt;
use std::collections::BTreeSet;

use crate::time::Timestamp;

/// An authentication method (`amr`, RFC 8176).
///
/// The order is that in which tokens list them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthenticationMethod {
    /// `pwd`: a password.
    Password,
    /// `otp`: a one-time password.
    OneTimePassword,
    /// `pop`: possession of a key (`OpenID` EAP ACR Values 1.0).
    ProofOfPossession,
    /// `user`: presence, confirmed by a gesture at an authenticator.
    UserPresence,
    /// `mfa`: more than one factor.
    MultipleFactors,
    /// A value that this version does not define, stored by a newer instance. It is preserved, so that tokens issued here
    /// list it.
    Unknown(String),
}

impl AuthenticationMethod {
    const KNOWN: [Self; 5] = [
        Self::Password,
        Self::OneTimePassword,
        Self::ProofOfPossession,
        Self::UserPresence,
        Self::MultipleFactors,
    ];

    /// The value in tokens and in the database.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Password => "pwd",
            Self::OneTimePassword => "otp",
            Self::ProofOfPossession => "pop",
            Self::UserPresence => "user",
            Self::MultipleFactors => "mfa",
            Self::Unknown(word) => word,
        }
    }

    fn from_word(word: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|method| method.as_str() == word)
            .unwrap_or_else(|| Self::Unknown(word.to_owned()))
    }
}

/// The assurance level of an authentication: `acr` of tokens (`OpenID` Connect Core, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssuranceLevel {
    /// One factor (NIST SP 800-63B, AAL1).
    Aal1,
    /// Two factors (AAL2).
    Aal2,
}

impl AssuranceLevel {
    /// The value in tokens and responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

/// The methods of one authentication: at least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuthenticationMethods(BTreeSet<AuthenticationMethod>);

impl AuthenticationMethods {
    /// A password only. Also the methods of rows written before methods were recorded.
    pub fn password() -> Self {
        Self(BTreeSet::from([AuthenticationMethod::Password]))
    }

    /// A set of methods; `None` if empty.
    pub fn new(methods: impl IntoIterator<Item = AuthenticationMethod>) -> Option<Self> {
        let methods: BTreeSet<_> = methods.into_iter().collect();
        (!methods.is_empty()).then_some(Self(methods))
    }

    /// Reads values as a token lists them, in any order, defined here or not. White space separates values too. `None` if
    /// there is no value.
    pub fn from_words<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let words = words.into_iter().flat_map(str::split_ascii_whitespace);
        Self::new(words.map(AuthenticationMethod::from_word))
    }

    /// Reads values separated by spaces, as [`Display`](fmt::Display) writes them. `None` if there is no value.
    pub fn parse(words: &str) -> Option<Self> {
        Self::from_words([words])
    }

    /// The values, in the order in which tokens list them.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AuthenticationMethod::as_str)
    }

    /// The assurance level that the methods reach. Only `mfa` raises it; a method that this version does not define is ignored.
    pub fn assurance(&self) -> AssuranceLevel {
        if self.0.contains(&AuthenticationMethod::MultipleFactors) {
            AssuranceLevel::Aal2
        } else {
            AssuranceLevel::Aal1
        }
    }
}

impl fmt::Display for AuthenticationMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.words().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// How and when a user authenticated: `amr`, `acr` and `auth_time` of the tokens of a session. A refresh never changes it
/// (RFC 9068, section 2.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// The methods used.
    pub methods: AuthenticationMethods,
    /// When the user last authenticated.
    pub at: Timestamp,
}

impl Authentication {
    /// An authentication by password only, at that instant.
    pub fn by_password(at: Timestamp) -> Self {
        Self {
            methods: AuthenticationMethods::password(),
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn methods(words: &str) -> AuthenticationMethods {
        AuthenticationMethods::parse(words).expect("a method")
    }

    #[test]
    fn methods_are_listed_in_a_fixed_order() {
        for (read, listed) in [
            ("pwd", "pwd"),
            ("mfa otp pwd", "pwd otp mfa"),
            ("mfa user pop pwd pwd", "pwd pop user mfa"),
            ("  mfa\tuser  pop ", "pop user mfa"),
            ("zeta mfa alpha", "mfa alpha zeta"),
        ] {
            assert_eq!(methods(read).to_string(), listed);
        }
        assert_eq!(methods("pwd"), AuthenticationMethods::password());
    }

    #[test]
    fn only_several_factors_reach_aal2() {
        for (words, level) in [
            ("pwd", "aal1"),
            ("pwd otp", "aal1"),
            ("face", "aal1"),
            ("pwd otp mfa", "aal2"),
            ("pop user mfa", "aal2"),
            ("face mfa", "aal2"),
        ] {
            assert_eq!(methods(words).assurance().as_str(), level, "{words}");
        }
    }

    #[test]
    fn an_empty_list_of_methods_is_rejected() {
        assert_eq!(AuthenticationMethods::new([]), None);
        for blank in ["", " ", "\t\n"] {
            assert_eq!(AuthenticationMethods::parse(blank), None);
            assert_eq!(AuthenticationMethods::from_words([blank, blank]), None);
        }
    }

    fn any_word() -> impl Strategy<Value = String> {
        prop_oneof!["pwd|otp|pop|user|mfa", "[!-~]{1,12}"]
    }

    proptest! {
        #[test]
        fn methods_are_read_back_from_their_values(words in prop::collection::vec(any_word(), 1..8)) {
            let methods = AuthenticationMethods::from_words(words.iter().map(String::as_str));
            let methods = methods.expect("a method");
            prop_assert_eq!(AuthenticationMethods::parse(&methods.to_string()), Some(methods.clone()));
            prop_assert_eq!(AuthenticationMethods::from_words(methods.words()), Some(methods.clone()));
            let distinct: BTreeSet<&str> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(methods.words().collect::<BTreeSet<_>>(), distinct);
        }

        #[test]
        fn unknown_methods_do_not_change_the_assurance_level(words in prop::collection::vec("pwd|otp|pop|user|mfa", 1..6), unknown in prop::collection::vec("x-[a-z]{1,9}", 0..4)) {
            let known = methods(&words.join(" "));
            let with_unknown = methods(&[words, unknown].concat().join(" "));
            prop_assert_eq!(with_unknown.assurance(), known.assurance());
        }

        #[test]
        fn reading_never_panics(text in any::<String>()) {
            prop_assert_eq!(AuthenticationMethods::parse(&text).is_none(), text.split_ascii_whitespace().next().is_none());
        }
    }
}
