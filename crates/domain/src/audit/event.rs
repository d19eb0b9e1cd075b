//! Audit events. Each is written in the transaction of the change that it records.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::context::RequestContext;
use crate::entropy::Entropy;
use crate::id::{EventId, RequestId, SessionId};
use crate::subject::Subject;
use crate::time::Timestamp;
use crate::words::{named, word_enum};

word_enum! {
    /// The kind of an audit event.
    EventKind;
    /// A user registered.
    UserRegistered = "user.registered",
    /// An administrator or operator created an account.
    UserCreated = "user.created",
    /// An account's name changed.
    UserUpdated = "user.updated",
    /// An account was deleted.
    UserDeleted = "user.deleted",
    /// An account's roles changed.
    RolesChanged = "user.roles-changed",
    /// An account was disabled or enabled.
    StatusChanged = "user.status-changed",
    /// An administrator reset the failed attempts of an account.
    UserUnlocked = "user.unlocked",
    /// A login opened a session.
    LoginSucceeded = "login.succeeded",
    /// A login failed: wrong password, unknown account, or an account that is disabled.
    LoginFailed = "login.failed",
    /// A login was refused without verifying the password, because of too many failed attempts.
    LoginRefused = "login.refused",
    /// A session was refreshed from another address or client than before.
    SessionRefreshed = "session.refreshed",
    /// A session was ended.
    SessionEnded = "session.ended",
    /// A refresh was repeated within the grace window from another address or client than the rotation.
    SessionRepeated = "session.repeated",
    /// A used refresh token was presented again, which ended the session.
    SessionReplayed = "session.replayed",
    /// A password was changed.
    PasswordChanged = "password.changed",
    /// The first administrator was created.
    SetupCompleted = "setup.completed",
    /// A new signing or sealing key was created.
    KeyRotated = "key.rotated",
    /// Requests from an address were rejected by the throttle.
    ThrottleRefused = "throttle.refused",
    /// A mail was given up.
    MailFailed = "mail.failed",
}

impl EventKind {
    /// Parses the word for the kind; `None` for any other text.
    pub fn parse(word: &str) -> Option<Self> {
        named(Self::ALL, Self::as_str, word)
    }
}

/// Whether the action succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventOutcome {
    /// The action was done.
    Success,
    /// The action failed or was refused.
    Failure,
}

impl EventOutcome {
    /// The stored and published word for the outcome.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// Parses the word for the outcome; `None` for any other text.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "success" => Some(Self::Success),
            "failure" => Some(Self::Failure),
            _ => None,
        }
    }
}

/// One entry of the audit log. MUST NOT contain a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Identifies the event; ids are ordered by time.
    pub id: EventId,
    /// When the action happened.
    pub at: Timestamp,
    /// The kind of action.
    pub kind: EventKind,
    /// Whether the action succeeded.
    pub outcome: EventOutcome,
    /// The user or service affected, if known.
    pub subject: Option<Subject>,
    /// The user or service that acted, if it is not the subject or is known separately.
    pub actor: Option<Subject>,
    /// The session in which the action happened, or that it changed.
    pub session_id: Option<SessionId>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The user agent of the client.
    pub user_agent: Option<String>,
    /// The request that caused the event.
    pub request_id: RequestId,
    /// Details by name, such as the reason.
    pub detail: BTreeMap<String, String>,
}

impl Event {
    /// An event of `kind` in this context; the methods below add the other fields.
    pub fn new(
        kind: EventKind,
        outcome: EventOutcome,
        context: &RequestContext,
        entropy: &dyn Entropy,
    ) -> Self {
        Self {
            id: EventId::generate(context.now, entropy),
            at: context.now,
            kind,
            outcome,
            subject: None,
            actor: None,
            session_id: None,
            ip: context.ip,
            user_agent: context.user_agent.clone(),
            request_id: context.request_id,
            detail: BTreeMap::new(),
        }
    }

    /// Sets the subject.
    #[must_use]
    pub fn of(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets the actor.
    #[must_use]
    pub fn by(mut self, actor: impl Into<Subject>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets the session.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session_id = Some(session);
        self
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
        }
    }
}
