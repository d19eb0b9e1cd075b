//! Tests of the branches of single use cases on mocked ports. Behaviour over several steps is tested on the memory store, in
//! the integration tests of this crate.

mod login;
mod refresh;
mod users;

use secrecy::SecretString;

use doorward_domain::access::{Permission, Principal};
use doorward_domain::account::Role;
use doorward_domain::account::{Credentials, Email, PasswordDigest, PasswordVersion, User, UserStatus};
use doorward_domain::attempt::AttemptKey;
use doorward_domain::attempt::MockAttemptKeys;
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::MockEntropy;
use doorward_domain::id::{RequestId, SessionId, TokenId, UserId};
use doorward_domain::session::{Authentication, Generation, Session, SessionKey, SessionKind};
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessClaims;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
pub(crate) const USER: UserId = UserId::from_bytes([1; 16]);
pub(crate) const SESSION: SessionId = SessionId::from_bytes([2; 16]);

pub(crate) fn context() -> RequestContext {
    RequestContext {
        now: NOW,
        request_id: RequestId::from_bytes([3; 16]),
        ip: None,
        user_agent: None,
    }
}

pub(crate) fn entropy() -> MockEntropy {
    let mut entropy = MockEntropy::new();
    entropy.expect_fill().returning(|bytes| bytes.fill(7));
    entropy
}

pub(crate) fn attempt_keys() -> MockAttemptKeys {
    let mut keys = MockAttemptKeys::new();
    keys.expect_attempt_key()
        .returning(|_| AttemptKey::from_bytes([5; 32]));
    keys
}

pub(crate) fn user(roles: &[&str]) -> User {
    User {
        id: USER,
        email: Email::parse("ada@example.org").unwrap(),
        name: None,
        roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
        status: UserStatus::Active,
        version: SubjectVersion::FIRST,
        vouched: true,
        email_verified_at: None,
        created_at: NOW,
        updated_at: NOW,
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        user: user(&["user"]),
        digest: PasswordDigest::new("digest".to_owned()),
        password_version: PasswordVersion::FIRST,
    }
}

pub(crate) fn session(generation: u32) -> Session {
    Session {
        id: SESSION,
        user_id: USER,
        kind: SessionKind::Direct,
        authentication: Authentication::by_password(NOW),
        key: SessionKey::from_bytes([3; 32]),
        generation: Generation::new(generation),
        repeats: 0,
        rotated_at: NOW,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + core::time::Duration::from_secs(1000),
        ended: None,
        ip: None,
        user_agent: None,
    }
}

pub(crate) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(crate) fn granted<P: Permission>(roles: &[&str]) -> doorward_domain::access::Granted<P> {
    Principal::new(AccessClaims {
        subject: UserId::from_bytes([9; 16]).into(),
        session_id: SESSION,
        token_id: TokenId::from_bytes([8; 16]),
        subject_version: SubjectVersion::FIRST,
        roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
        email: None,
        email_verified: false,
        issued_at: NOW,
        expires_at: NOW,
        authentication: Some(Authentication::by_password(NOW)),
    })
    .authorize()
    .unwrap()
}
