//! What is remembered of what happened: one event for each thing that an investigator would ask about, written in the
//! transaction of the change it tells of.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::context::RequestContext;
use crate::entropy::Entropy;
use crate::id::{EventId, RequestId, SessionId};
use crate::subject::Subject;
use crate::time::Timestamp;

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventKind {
            $($(#[$doc])* $variant,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word by which clients and the database know the kind.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The kind of that word.
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

event_kinds! {
    /// Somebody made an account for themselves.
    UserRegistered = "user.registered",
    /// An administrator or operator made an account.
    UserCreated = "user.created",
    /// An account's name changed.
    UserUpdated = "user.updated",
    /// An account was deleted.
    UserDeleted = "user.deleted",
    /// An account's roles changed.
    RolesChanged = "user.roles-changed",
    /// An account was disabled or enabled.
    StatusChanged = "user.status-changed",
    /// An administrator forgave an account its failed attempts.
    UserUnlocked = "user.unlocked",
    /// A login opened a session.
    LoginSucceeded = "login.succeeded",
    /// A password was wrong, or right for an account that may not be used.
    LoginFailed = "login.failed",
    /// A password was not looked at, for too many failed attempts.
    LoginRefused = "login.refused",
    /// A session was refreshed from another address or client than before.
    SessionRefreshed = "session.refreshed",
    /// A session was ended.
    SessionEnded = "session.ended",
    /// A used refresh token came back, which ended the session.
    SessionReplayed = "session.replayed",
    /// A password was changed.
    PasswordChanged = "password.changed",
    /// The first administrator was made.
    SetupCompleted = "setup.completed",
    /// A new key was made.
    KeyRotated = "key.rotated",
    /// Requests from an address were turned away by the throttle.
    ThrottleRefused = "throttle.refused",
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventOutcome {
    /// It was done.
    Success,
    /// It was turned away.
    Failure,
}

impl EventOutcome {
    /// The word by which clients and the database know the outcome.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }

    /// The outcome of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "success" => Some(Self::Success),
            "failure" => Some(Self::Failure),
            _ => None,
        }
    }
}

/// One entry of the audit log. Holds no secret, ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Names it, in order of time.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
    /// How it went.
    pub outcome: EventOutcome,
    /// Whom it happened to, if that is known.
    pub subject: Option<Subject>,
    /// Who did it, when that is somebody else or known apart.
    pub actor: Option<Subject>,
    /// In or to which session.
    pub session_id: Option<SessionId>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The request in which it happened.
    pub request_id: RequestId,
    /// Particulars, such as the reason.
    pub detail: BTreeMap<String, String>,
}

impl Event {
    /// An event of `kind` in this context; the other particulars are added with the methods below.
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

    /// Says whom it happened to.
    #[must_use]
    pub fn of(mut self, subject: impl Into<Subject>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Says who did it.
    #[must_use]
    pub fn by(mut self, actor: impl Into<Subject>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Says in or to which session.
    #[must_use]
    pub fn in_session(mut self, session: SessionId) -> Self {
        self.session_id = Some(session);
        self
    }

    /// Adds a particular.
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
