use core::fmt;

use crate::id::UserId;

/// The permitted lengths of a client id, in characters.
const LENGTHS: core::ops::RangeInclusive<usize> = 2..=63;

/// The text is not a client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a client id is 2 to 63 lower-case letters, digits, `.`, `_` or `-`, the first a letter or digit, \
     and neither a user id nor `doorward`"
)]
pub struct InvalidClientId;

/// Identifies a client: `[a-z0-9][a-z0-9._-]{1,62}` (RFC 6749, section 2.2).
///
/// A client id is never a user id, so that a subject identifies either a user or a client (RFC 9700, section 4.15), and
/// never [`ClientId::DOORWARD`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// The `client_id` of tokens that Doorward issues to its own front ends. No client can be registered under it.
    pub const DOORWARD: &'static str = "doorward";

    /// Parses a client id.
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_well_formed = LENGTHS.contains(&text.len())
            && text.bytes().next().is_some_and(is_alphanumeric)
            && text
                .bytes()
                .all(|byte| is_alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'));
        if is_well_formed && text != Self::DOORWARD && UserId::parse(text).is_err() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidClientId)
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_outside_the_grammar_are_rejected_as_client_ids() {
        let longest = "a".repeat(63);
        for valid in ["ab", "0a", "a-", "a.b_c-d", "grafana", "doorward2", &longest] {
            assert_eq!(
                ClientId::parse(valid).map(|id| id.to_string()),
                Ok(valid.to_owned())
            );
        }
        let too_long = "a".repeat(64);
        for invalid in [
            "", "a", "A1", "-a", ".a", "_a", "a b", "a/b", "é1", "a\0", &too_long,
        ] {
            assert_eq!(ClientId::parse(invalid), Err(InvalidClientId), "{invalid:?}");
        }
    }

    #[test]
    fn neither_a_user_id_nor_doorward_is_a_client_id() {
        let user = UserId::from_bytes([7; 16]).to_string();
        assert_eq!(ClientId::parse(&user), Err(InvalidClientId));
        assert_eq!(ClientId::parse(ClientId::DOORWARD), Err(InvalidClientId));
        assert!(ClientId::parse(&user.replace('-', ".")).is_ok());
    }

    proptest! {
        #[test]
        fn every_text_of_the_grammar_is_a_client_id(text in "[a-z0-9][a-z0-9._-]{1,62}") {
            prop_assume!(text != ClientId::DOORWARD && UserId::parse(&text).is_err());
            let id = ClientId::parse(&text).expect("a client id");
            prop_assert_eq!(id.as_str(), text);
        }
    }
}
