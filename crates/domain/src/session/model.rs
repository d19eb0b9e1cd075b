//! The session: begins with a login and ends permanently, by logout, revocation or expiry.

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
    /// The generation of the refresh token that a login issues.
    pub const FIRST: Self = Self(0);

    /// The generation with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The generation as a number, as stored.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The next generation; `None` after `u32::MAX`.
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

    /// The key with these bytes, read from a store.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// The key itself, for stores and sealers.
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
    /// For tests and stores. Not in constant time: no check of a secret uses it.
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SessionKey {}

/// Why a session ended before its expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The client logged out.
    LoggedOut,
    /// The user logged out of all sessions.
    LoggedOutEverywhere,
    /// The user ended it from another session.
    EndedByUser,
    /// An administrator ended it.
    EndedByAdmin,
    /// The user exceeded the maximum number of sessions, and this was the least recently used one.
    Superseded,
    /// The user changed the password in another session.
    PasswordChanged,
    /// The user was disabled.
    UserDisabled,
    /// A used refresh token was presented again, which means that it was copied.
    Replayed,
}

impl EndReason {
    /// All reasons.
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

    /// The stored word for the reason, also in the audit log.
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

    /// Parses the word for the reason; `None` for any other text.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// When and why a session ended before its expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When it ended.
    pub at: Timestamp,
    /// Why it ended.
    pub reason: EndReason,
}

/// A session. One row in the store, however often it is refreshed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Identifies the session.
    pub id: SessionId,
    /// The user who logged in.
    pub user_id: UserId,
    /// How its refresh token is held.
    pub kind: SessionKind,
    /// How and when the user authenticated.
    pub authentication: Authentication,
    /// The secret from which its refresh tokens are sealed.
    pub key: SessionKey,
    /// The generation of the current refresh token.
    pub generation: Generation,
    /// How many repeats of that generation came from another address or client than its rotation and were answered.
    pub repeats: u32,
    /// When that generation became current. Ending a session never changes it, so that the grace window cannot revive an
    /// ended session.
    pub rotated_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last refreshed (or opened).
    pub last_used_at: Timestamp,
    /// The absolute expiry, whether or not the session is used.
    pub expires_at: Timestamp,
    /// When and why the session ended before its expiry, if it did.
    pub ended: Option<Ended>,
    /// The client's address when it was last refreshed (or opened).
    pub ip: Option<IpAddr>,
    /// The user agent then, at most [`Session::MAX_USER_AGENT`] characters.
    pub user_agent: Option<String>,
}

impl Session {
    /// The maximum length of a stored user agent, in characters.
    pub const MAX_USER_AGENT: usize = 256;

    /// When the current refresh token expires if it is not used: the earlier of the idle and the absolute expiry.
    pub fn refresh_expires_at(&self, policy: &SessionPolicy) -> Timestamp {
        self.expires_at.min(self.last_used_at + policy.refresh_idle)
    }

    /// Whether the session can still be refreshed at `now`.
    pub fn is_live(&self, policy: &SessionPolicy, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.refresh_expires_at(policy)
    }
}

/// The lifetimes and limits of sessions and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// The lifetime of an access token.
    pub access_ttl: Duration,
    /// The absolute lifetime of a session.
    pub refresh_ttl: Duration,
    /// The idle lifetime of a session: how long after its last refresh it expires.
    pub refresh_idle: Duration,
    /// The grace window: how long after a rotation the previous token still returns the same successor.
    pub refresh_grace: Duration,
    /// How many repeats of one generation from another address or client than its rotation are answered. One more is a
    /// replay.
    pub max_repeats: u32,
    /// The maximum number of live sessions of a user, at least 1. One more ends the least recently used.
    pub max_sessions: u32,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            access_ttl: Duration::from_mins(15),
            refresh_ttl: Duration::from_hours(30 * 24),
            refresh_idle: Duration::from_hours(7 * 24),
            refresh_grace: Duration::from_secs(10),
            max_repeats: 10,
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
    fn debug_output_contains_no_session_key() {
        assert!(!format!("{:?}", SessionKey::from_bytes([77; 32])).contains("77"));
    }
}
