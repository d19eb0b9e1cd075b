//! Ordinary users, sessions, events and keys by number: equal numbers yield equal values.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::collections::BTreeMap;

use doorward_domain::account::{Email, PasswordDigest, User, UserStatus};
use doorward_domain::account::{Role, Roles};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::client::ClientId;
use doorward_domain::id::{EventId, JobId, MailId, RequestId, SessionId, TokenId, UserId};
use doorward_domain::job::{DedupeKey, JobKind, JobPayload, NewJob};
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::mail::{Locale, Mail, MailContent, NewMail, Occurrence, Recipient};
use doorward_domain::password::PlainPassword;
use doorward_domain::session::{Authentication, Generation, Session, SessionKey, SessionKind, SessionPolicy};
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessClaims;
use secrecy::SecretString;

/// The creation time of samples: in November 2023, with microseconds.
pub const START: Timestamp = Timestamp::from_micros(1_700_000_000_123_456);

/// The active user `user<number>@example.org`, with the role `user`. Ids are in the order of the numbers.
pub fn user(number: u32) -> User {
    User {
        id: UserId::from_bytes(id_bytes(number)),
        email: email(&format!("user{number}@example.org")),
        name: None,
        roles: Roles::user(),
        status: UserStatus::Active,
        version: SubjectVersion::FIRST,
        vouched: true,
        email_verified_at: None,
        created_at: START,
        updated_at: START,
    }
}

/// The same with the roles `admin` and `user`.
pub fn admin(number: u32) -> User {
    User {
        roles: Roles::admin(),
        ..user(number)
    }
}

/// A session of `user`, opened at [`START`] and never refreshed. Ids are in the order of the numbers.
pub fn session(number: u32, user: UserId) -> Session {
    let mut key = [0x5a; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    Session {
        id: SessionId::from_bytes(id_bytes(number)),
        user_id: user,
        kind: SessionKind::Direct,
        authentication: Authentication::by_password(START),
        key: SessionKey::from_bytes(key),
        generation: Generation::FIRST,
        repeats: 0,
        rotated_at: START,
        created_at: START,
        last_used_at: START,
        expires_at: START + SessionPolicy::default().refresh_ttl,
        ended: None,
        ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
        user_agent: Some("testkit/1.0".to_owned()),
    }
}

/// The claims of an access token of [`user`] in that session, issued at [`START`] for 15 minutes.
pub fn claims(number: u32, session: SessionId) -> AccessClaims {
    AccessClaims {
        subject: user(number).id.into(),
        session_id: session,
        token_id: TokenId::from_bytes([1; 16]),
        subject_version: SubjectVersion::FIRST,
        roles: Roles::user(),
        email: None,
        email_verified: false,
        issued_at: START,
        expires_at: START + Duration::from_secs(900),
        authentication: Some(Authentication::by_password(START)),
    }
}

/// The event of a successful login, `number` seconds after [`START`].
pub fn event(number: u32) -> Event {
    Event {
        id: EventId::from_bytes(id_bytes(number)),
        at: START + Duration::from_secs(number.into()),
        kind: EventKind::LoginSucceeded,
        outcome: EventOutcome::Success,
        subject: None,
        actor: None,
        session_id: None,
        ip: None,
        user_agent: None,
        request_id: request_id(number),
        detail: BTreeMap::new(),
    }
}

/// The event of the end of that session, at that time. Its id differs from those of [`event`].
pub fn end_event(session: SessionId, at: Timestamp) -> Event {
    let mut id = *session.as_bytes();
    if let Some(last) = id.last_mut() {
        *last ^= 0xff;
    }
    Event {
        id: EventId::from_bytes(id),
        at,
        kind: EventKind::SessionEnded,
        session_id: Some(session),
        ..event(0)
    }
}

/// The service `service-<number>`.
pub fn service(number: u32) -> ClientId {
    ClientId::parse(&format!("service-{number}")).expect("a client id")
}

/// A request id. Ids are in the order of the numbers.
pub fn request_id(number: u32) -> RequestId {
    RequestId::from_bytes(id_bytes(number))
}

/// The kind of every sample of a job.
pub const JOB_KIND: JobKind = JobKind::new("sample");

/// A job that is due at [`START`], until a day later. Ids are in the order of the numbers.
pub fn job(number: u32) -> NewJob {
    NewJob {
        id: JobId::from_bytes(id_bytes(number)),
        kind: JOB_KIND,
        payload: JobPayload::new(format!("{{\"number\":{number}}}")).expect("a payload"),
        dedupe_key: None,
        created_at: START,
        due_at: START,
        give_up_at: START + Duration::from_hours(24),
    }
}

/// A notice to the user, queued `number` seconds after [`START`], to be sent within a day. Ids are in the order of the numbers.
pub fn mail(number: u32, user: &User) -> NewMail {
    let created_at = after(number.into());
    NewMail {
        mail: Mail {
            id: MailId::from_bytes(id_bytes(number)),
            recipient: Recipient::of(&user.email),
            locale: Locale::parse("en").expect("a language tag"),
            content: MailContent::PasswordChanged(Occurrence {
                at: created_at,
                ip: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))),
            }),
            created_at,
        },
        user_id: user.id,
        dedupe_key: DedupeKey::new(format!("mail {number}")).expect("a key"),
        expires_at: created_at + Duration::from_hours(24),
    }
}

/// The instant this many seconds after [`START`].
pub fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// The key with that purpose and ordinal. Its id is `<purpose>-<ordinal>`.
pub fn key(purpose: KeyPurpose, ordinal: u32) -> SealedKey {
    SealedKey {
        id: KeyId::new(format!("{}-{ordinal}", purpose.as_str())),
        purpose,
        ordinal,
        algorithm: "EdDSA".to_owned(),
        public: vec![1, 2, 3],
        sealed: vec![4, 5, 6],
        created_at: START,
    }
}

/// Parses an e-mail address. Panics if it is malformed.
pub fn email(typed: &str) -> Email {
    Email::parse(typed).expect("an e-mail address")
}

/// Parses role names. Panics if one is invalid.
pub fn roles(names: &[&str]) -> Roles {
    names
        .iter()
        .map(|name| Role::parse(name).expect("a role name"))
        .collect()
}

/// A password with this text.
pub fn password(typed: &str) -> PlainPassword {
    PlainPassword::new(&SecretString::from(typed))
}

/// A digest with this text.
pub fn digest(text: &str) -> PasswordDigest {
    PasswordDigest::new(text.to_owned())
}

/// The bytes of a `UUIDv7` that begins with `number`.
fn id_bytes(number: u32) -> [u8; 16] {
    let [a, b, c, d] = number.to_be_bytes();
    [
        a, b, c, d, 0x00, 0xff, 0x70, 0x00, 0x80, 0x00, 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff,
    ]
}
