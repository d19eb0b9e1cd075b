//! The branches of single use cases, on mocked ports. What goes on over several steps is tested on the memory store, in
//! this crate's integration tests.

mod login;
mod refresh;
mod users;

use secrecy::SecretString;

use crate::access::{Permission, Principal, Role};
use crate::audit::Occasion;
use crate::id::{SessionId, TokenId, UserId};
use crate::identity::{
    AttemptKey, Credentials, Email, PasswordDigest, PasswordVersion, User, UserStatus, UserVersion,
};
use crate::ports::{MockAttemptKeys, MockEntropy};
use crate::time::Timestamp;
use crate::token::{AccessClaims, Generation, Session, SessionKey};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
pub(super) const USER: UserId = UserId::from_bytes([1; 16]);
pub(super) const SESSION: SessionId = SessionId::from_bytes([2; 16]);

pub(super) fn occasion() -> Occasion {
    Occasion {
        now: NOW,
        request_id: "request".to_owned(),
        ip: None,
        user_agent: None,
    }
}

pub(super) fn entropy() -> MockEntropy {
    let mut entropy = MockEntropy::new();
    entropy.expect_fill().returning(|bytes| bytes.fill(7));
    entropy
}

pub(super) fn attempt_keys() -> MockAttemptKeys {
    let mut keys = MockAttemptKeys::new();
    keys.expect_attempt_key()
        .returning(|_| AttemptKey::from_bytes([5; 32]));
    keys
}

pub(super) fn user(roles: &[&str]) -> User {
    User {
        id: USER,
        email: Email::parse("ada@example.org").unwrap(),
        name: None,
        roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
        status: UserStatus::Active,
        version: UserVersion::FIRST,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials {
        user: user(&["user"]),
        digest: PasswordDigest::new("digest".to_owned()),
        password_version: PasswordVersion::FIRST,
    }
}

pub(super) fn session(generation: u32) -> Session {
    Session {
        id: SESSION,
        user_id: USER,
        key: SessionKey::from_bytes([3; 32]),
        generation: Generation::new(generation),
        rotated_at: NOW,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + core::time::Duration::from_secs(1000),
        ended: None,
        ip: None,
        user_agent: None,
    }
}

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(super) fn granted<P: Permission>(roles: &[&str]) -> crate::access::Granted<P> {
    Principal::new(AccessClaims {
        subject: UserId::from_bytes([9; 16]),
        session_id: SESSION,
        token_id: TokenId::from_bytes([8; 16]),
        user_version: UserVersion::FIRST,
        roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
        email: None,
        issued_at: NOW,
        expires_at: NOW,
        authenticated_at: NOW,
    })
    .authorize()
    .unwrap()
}
