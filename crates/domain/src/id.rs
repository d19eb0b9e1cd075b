//! Identifiers: opaque to clients, ordered by creation for the database.
//!
//! Every id is a UUID of version 7 (RFC 9562): the leading milliseconds store new rows next to each other in an index, the 74
//! random bits make ids unique without coordination and impractical to enumerate. No id is a secret.

use uuid::Uuid;

use crate::entropy::Entropy;
use crate::time::Timestamp;

/// The text is not an id in canonical spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct InvalidId;

/// A UUID of version 7 for `now` with randomness from `entropy`.
fn uuid_v7(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let millis = u64::try_from(now.as_micros().div_euclid(1000)).unwrap_or(0);
    let mut random = [0_u8; 10];
    entropy.fill(&mut random);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Parses the lower-case, hyphenated spelling and no other, so that one id has one spelling everywhere.
fn parse_canonical(text: &str) -> Result<Uuid, InvalidId> {
    let mut buffer = Uuid::encode_buffer();
    match Uuid::try_parse(text) {
        Ok(uuid) if *uuid.as_hyphenated().encode_lower(&mut buffer) == *text => Ok(uuid),
        _ => Err(InvalidId),
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, ordered after those made at earlier instants.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(uuid_v7(now, entropy))
            }

            /// Parses the canonical spelling: lower case, hyphenated, 36 characters.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                parse_canonical(text).map(Self)
            }

            /// The id with these 16 bytes, not validated.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }
    };
}

identifier! {
    /// Identifies a user. Never reused after deletion.
    UserId
}
identifier! {
    /// Identifies a session; carried by its refresh and access tokens (`sid`).
    SessionId
}
identifier! {
    /// Identifies one access token (`jti`, RFC 7519).
    TokenId
}
identifier! {
    /// Identifies one entry of the audit log.
    EventId
}
identifier! {
    /// Identifies one request, or one run of a command or task, in responses, log lines and audit events.
    RequestId
}
identifier! {
    /// Names one job of the queue.
    JobId
}
identifier! {
    /// Names one mail. Part of its `Message-ID`, so that a mail that is sent twice is recognised.
    MailId
}

impl EventId {
    /// The least id that an event of that instant can have, to the millisecond: events of earlier milliseconds have lesser
    /// ids.
    pub fn least_at(at: Timestamp) -> Self {
        struct Zeros;

        impl Entropy for Zeros {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(0);
            }
        }

        Self::generate(at, &Zeros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = UserId::generate(Timestamp::from_unix_seconds(1_000), &Fixed(0xff));
        let late = UserId::generate(Timestamp::from_unix_seconds(1_001), &Fixed(0x00));
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn the_least_id_of_an_instant_sorts_after_all_earlier_ids() {
        let instant = Timestamp::from_micros(1_700_000_000_123_000);
        let least = EventId::least_at(instant);
        let just_before = Timestamp::from_micros(1_700_000_000_122_999);
        assert!(EventId::generate(just_before, &Fixed(0xff)) < least);
        assert!(least <= EventId::generate(instant, &Fixed(0x00)));
        assert!(least < EventId::generate(instant, &Fixed(0x01)));
    }

    #[test]
    fn only_the_canonical_spelling_of_an_id_is_parsed() {
        let id = UserId::generate(Timestamp::from_unix_seconds(1_000), &Fixed(0xab));
        let text = id.to_string();
        assert_eq!(UserId::parse(&text), Ok(id));
        for other in [
            text.to_uppercase(),
            text.replace('-', ""),
            format!("{{{text}}}"),
            format!(" {text}"),
            String::new(),
        ] {
            assert_eq!(UserId::parse(&other), Err(InvalidId), "{other:?}");
        }
    }
}
