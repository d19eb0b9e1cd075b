use crate::client::ClientId;
use crate::id::SessionId;

/// The kind of a session: how its refresh token is held, and what ends it besides its own end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// Opened at the API; the client holds the refresh token.
    Direct,
    /// Opened at Doorward's own pages; the browser holds it as a cookie.
    Browser,
    /// A user's grant to an application; only that client may use the refresh token.
    Grant {
        /// The client to which access was granted.
        client: ClientId,
        /// The session in which access was granted. Its row may have been deleted: a grant can outlive it.
        parent: SessionId,
    },
}

impl SessionKind {
    /// The stored word for the kind.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Browser => "browser",
            Self::Grant { .. } => "grant",
        }
    }

    /// Reads the kind from its stored word, and the client and parent that only a grant has. `None` for any other combination.
    pub fn from_parts(word: &str, client: Option<ClientId>, parent: Option<SessionId>) -> Option<Self> {
        match (word, client, parent) {
            ("direct", None, None) => Some(Self::Direct),
            ("browser", None, None) => Some(Self::Browser),
            ("grant", Some(client), Some(parent)) => Some(Self::Grant { client, parent }),
            _ => None,
        }
    }

    /// The client of a grant; `None` for other kinds.
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Direct | Self::Browser => None,
            Self::Grant { client, .. } => Some(client),
        }
    }

    /// The parent session of a grant; `None` for other kinds.
    pub const fn parent(&self) -> Option<SessionId> {
        match self {
            Self::Direct | Self::Browser => None,
            Self::Grant { parent, .. } => Some(*parent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_kind_is_read_back_only_from_its_own_parts() {
        let client = || ClientId::parse("grafana").expect("a client id");
        let parent = SessionId::from_bytes([7; 16]);
        let kinds = [
            SessionKind::Direct,
            SessionKind::Browser,
            SessionKind::Grant {
                client: client(),
                parent,
            },
        ];
        for kind in &kinds {
            for client in [None, Some(client())] {
                for parent in [None, Some(parent)] {
                    let read = SessionKind::from_parts(kind.as_str(), client.clone(), parent);
                    let is_whole = client.as_ref() == kind.client() && parent == kind.parent();
                    assert_eq!(read.as_ref(), is_whole.then_some(kind));
                }
            }
        }
        assert_eq!(SessionKind::from_parts("device", None, None), None);
    }
}
