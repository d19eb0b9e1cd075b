//! A session: what begins with a login and ends once and for all.

use core::net::IpAddr;
use core::time::Duration;

use secrecy::{ExposeSecret, SecretBox};

use crate::entropy::Entropy;
use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

use super::{Authentication, SessionKind};

/// Counts the rotations of a session's refresh token, from 0 at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u32);

impl Generation {
    /// The generation of the refresh token that a login hands out.
    pub const FIRST: Self = Self(0);

    /// The generation with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The generation after this one; `None` after the last that can be counted.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

/// The 256-bit secret of a session. It is in the session's row and nowhere else; together with the server's sealing
/// key, which is not in the database, it makes the session's refresh tokens.
#[derive(Debug)]
pub struct SessionKey(SecretBox<[u8; 32]>);

impl SessionKey {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; 32]| {
            entropy.fill(bytes);
        }))
    }

    /// The key of these bytes, as a store kept them.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key itself, for a store to keep and a sealer to use.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl Clone for SessionKey {
    fn clone(&self) -> Self {
        Self::from_bytes(*self.expose())
    }
}

impl PartialEq for SessionKey {
    /// Compares for tests and stores; no secret is guarded by this comparison.
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SessionKey {}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its holder logged out.
    LoggedOut,
    /// The user logged out everywhere.
    LoggedOutEverywhere,
    /// The user ended it from another session.
    EndedByUser,
    /// An administrator ended it.
    EndedByAdmin,
    /// The user has logged in more often than sessions are kept, and this was the least recently used.
    Superseded,
    /// The user changed the password in another session.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// A refresh token that had been used before came back: somebody has a copy.
    Replayed,
}

impl EndReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::LoggedOut,
        Self::LoggedOutEverywhere,
        Self::EndedByUser,
        Self::EndedByAdmin,
        Self::Superseded,
        Self::PasswordChanged,
        Self::UserDisabled,
        Self::Replayed,
    ];

    /// The word by which the database and the audit log know the reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged-out",
            Self::LoggedOutEverywhere => "logged-out-everywhere",
            Self::EndedByUser => "ended-by-user",
            Self::EndedByAdmin => "ended-by-admin",
            Self::Superseded => "superseded",
            Self::PasswordChanged => "password-changed",
            Self::UserDisabled => "user-disabled",
            Self::Replayed => "replayed",
        }
    }

    /// The reason of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// When and why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// A session. One row in the store, however often it is refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names it.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Who holds it.
    pub kind: SessionKind,
    /// How and when the user authenticated.
    pub authentication: Authentication,
    /// Its secret.
    pub key: SessionKey,
    /// The generation of the refresh token that is current.
    pub generation: Generation,
    /// When that generation became current. Ending a session never touches it, so that the grace window can never
    /// bring an ended session back.
    pub rotated_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last refreshed (or opened).
    pub last_used_at: Timestamp,
    /// From when it is over, however much it is used.
    pub expires_at: Timestamp,
    /// How it ended before its time, if it did.
    pub ended: Option<Ended>,
    /// The client's address when it was last refreshed (or opened).
    pub ip: Option<IpAddr>,
    /// What the client called itself then, at most [`Session::MAX_USER_AGENT`] characters.
    pub user_agent: Option<String>,
}

impl Session {
    /// The longest user agent kept, in characters.
    pub const MAX_USER_AGENT: usize = 256;

    /// The earlier of the idle and the absolute bound: when the current refresh token is over if it is not used.
    pub fn refresh_expires_at(&self, policy: &SessionPolicy) -> Timestamp {
        self.expires_at.min(self.last_used_at + policy.refresh_idle)
    }

    /// Whether the session can still be refreshed at `now`.
    pub fn is_live(&self, policy: &SessionPolicy, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.refresh_expires_at(policy)
    }
}

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The life of an access token.
    pub access_ttl: Duration,
    /// The life of a session, however much it is used.
    pub refresh_ttl: Duration,
    /// The life of a session that is not used.
    pub refresh_idle: Duration,
    /// How long after a rotation the token before it is still answered, with the same successor.
    pub refresh_grace: Duration,
    /// How many live sessions a user may have; with one more, the least recently used ends. At least one.
    pub max_sessions: u32,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            refresh_idle: Duration::from_hours(7 * 24),
            refresh_grace: Duration::from_secs(10),
            max_sessions: 50,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        for reason in EndReason::ALL {
            assert_eq!(EndReason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(EndReason::parse("tired"), None);
    }

    #[test]
    fn a_session_key_does_not_print() {
        assert!(!format!("{:?}", SessionKey::from_bytes([77; 32])).contains("77"));
    }
}
