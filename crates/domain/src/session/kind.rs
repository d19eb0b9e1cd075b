use crate::client::ClientId;
use crate::id::SessionId;

/// Who holds a session, and by what it ends besides its own end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// Opened at the API: its holder has the refresh token.
    Direct,
    /// Opened at Doorward's own pages: a browser has it as a cookie.
    Browser,
    /// What a user granted an application: that client alone has the refresh token.
    Grant {
        /// The application.
        client: ClientId,
        /// The session in which it was granted. Its row may be gone: a grant can outlive it.
        parent: SessionId,
    },
}

impl SessionKind {
    /// The word by which the database knows the kind.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Browser => "browser",
            Self::Grant { .. } => "grant",
        }
    }

    /// The kind of that word, with the client and the parent that only a grant has. `None` for any other combination.
    pub fn from_parts(word: &str, client: Option<ClientId>, parent: Option<SessionId>) -> Option<Self> {
        match (word, client, parent) {
            ("direct", None, None) => Some(Self::Direct),
            ("browser", None, None) => Some(Self::Browser),
            ("grant", Some(client), Some(parent)) => Some(Self::Grant { client, parent }),
            _ => None,
        }
    }

    /// The application of a grant.
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Direct | Self::Browser => None,
            Self::Grant { client, .. } => Some(client),
        }
    }

    /// The session in which a grant was made.
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
    fn a_kind_is_read_back_from_its_parts_and_from_no_others() {
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
