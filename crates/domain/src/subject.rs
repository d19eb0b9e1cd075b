//! Subjects of tokens and audit events: users and services, and the versions that revoke their tokens.

use core::fmt;

use crate::client::ClientId;
use crate::id::UserId;

/// The text is not the id of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a user id nor a client id")]
pub struct InvalidSubject;

/// A user or a service (`sub`, RFC 7519, section 4.1.2). Their texts never collide: no [`ClientId`] is a [`UserId`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A user with an account.
    User(UserId),
    /// A client that acts in its own name (client credentials, RFC 6749, section 4.4).
    Service(ClientId),
}

impl Subject {
    /// Parses the text of a subject, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Result<Self, InvalidSubject> {
        if let Ok(user) = UserId::parse(text) {
            return Ok(Self::User(user));
        }
        ClientId::parse(text)
            .map(Self::Service)
            .map_err(|_neither| InvalidSubject)
    }

    /// The user; `None` for a service.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Service(_) => None,
        }
    }

    /// The client that acts in its own name; `None` for a user.
    pub const fn client_id(&self) -> Option<&ClientId> {
        match self {
            Self::User(_) => None,
            Self::Service(id) => Some(id),
        }
    }
}

impl From<UserId> for Subject {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl From<ClientId> for Subject {
    fn from(id: ClientId) -> Self {
        Self::Service(id)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Service(id) => id.fmt(f),
        }
    }
}

/// Counts the changes of a subject that revoke its earlier access tokens: for a user, of roles and of status.
///
/// Access tokens carry it (`ver`). Versions are compared instead of times, so that a token issued in the same instant as a
/// change is classified correctly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectVersion(u32);

impl SubjectVersion {
    /// The initial version of a subject.
    pub const FIRST: Self = Self(1);

    /// The version with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The version as a number, as stored.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_user_ids_and_client_ids_are_subjects() {
        let user = UserId::from_bytes([0xab; 16]).to_string();
        for text in [
            "",
            "A",
            ClientId::DOORWARD,
            &user.to_uppercase(),
            &format!("{{{user}}}"),
        ] {
            assert_eq!(Subject::parse(text), Err(InvalidSubject), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_user_is_read_back_from_its_text(bytes in any::<[u8; 16]>()) {
            let subject = Subject::User(UserId::from_bytes(bytes));
            prop_assert_eq!(Subject::parse(&subject.to_string()), Ok(subject));
        }

        #[test]
        fn a_service_is_read_back_from_its_text(text in "[a-z0-9][a-z0-9._-]{1,62}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}") {
            if let Ok(id) = ClientId::parse(&text) {
                let subject = Subject::Service(id);
                prop_assert_eq!(subject.to_string(), text.clone());
                prop_assert_eq!(Subject::parse(&text), Ok(subject));
            } else {
                prop_assert!(matches!(Subject::parse(&text), Ok(Subject::User(_)) | Err(InvalidSubject)));
            }
        }
    }
}
