//! The published list of revocations: digests, from which no id can be derived.

use std::collections::{HashMap, HashSet};

use super::{AccessClaims, revocation_digest};

/// The response of `GET /v1/revocations`, for a service that verifies access tokens itself.
///
/// The list is complete as of the instant that came with it (`as_of`); the service decides how old it may be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevokedDigests {
    sessions: HashSet<String>,
    subjects: HashMap<String, u32>,
}

impl RevokedDigests {
    /// A list of these `sessions` and subjects (member `users`), as in a response without a cursor, which is complete.
    pub fn new(
        sessions: impl IntoIterator<Item = String>,
        subjects: impl IntoIterator<Item = (String, u32)>,
    ) -> Self {
        Self {
            sessions: sessions.into_iter().collect(),
            subjects: subjects.into_iter().collect(),
        }
    }

    /// Whether a token with these claims is revoked: its session is listed, or its subject with a version greater than the
    /// token's.
    pub fn revokes(&self, claims: &AccessClaims) -> bool {
        let lowest = self.subjects.get(&revocation_digest(&claims.subject.to_string()));
        self.sessions
            .contains(&revocation_digest(&claims.session_id.to_string()))
            || lowest.is_some_and(|lowest| claims.subject_version.get() < *lowest)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::account::Roles;
    use crate::client::ClientId;
    use crate::id::{SessionId, TokenId, UserId};
    use crate::subject::{Subject, SubjectVersion};
    use crate::time::Timestamp;
    use crate::token::{RevocationList, Revoked};

    #[test]
    fn the_digests_revoke_exactly_the_tokens_that_the_list_revokes() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let mut list = RevocationList::new(Duration::from_secs(905));
        let user = |byte| Subject::User(UserId::from_bytes([byte; 16]));
        let service = || Subject::Service(ClientId::parse("billing").expect("a client id"));
        let revoked = [
            Revoked::Session(SessionId::from_bytes([7; 16])),
            Revoked::Subject {
                subject: user(8),
                lowest_version: SubjectVersion::new(3),
            },
            Revoked::Subject {
                subject: service(),
                lowest_version: SubjectVersion::new(2),
            },
        ];
        for revoked in revoked {
            list.add_own(&revoked, now);
        }
        let published = list.digests();
        let sessions = published.sessions.iter().map(ToString::to_string);
        let subjects = published
            .subjects
            .iter()
            .map(|(digest, version)| (digest.to_string(), version.get()));
        let digests = RevokedDigests::new(sessions, subjects);
        for (session, subject, version) in [
            (7, user(1), 1),
            (6, user(1), 1),
            (6, user(8), 2),
            (6, user(8), 3),
            (7, user(8), 9),
            (6, service(), 1),
            (6, service(), 2),
        ] {
            let claims = AccessClaims {
                subject: subject.clone(),
                session_id: SessionId::from_bytes([session; 16]),
                token_id: TokenId::from_bytes([0; 16]),
                subject_version: SubjectVersion::new(version),
                roles: Roles::user(),
                email: None,
                email_verified: false,
                issued_at: now,
                expires_at: now,
                authentication: None,
            };
            assert_eq!(
                digests.revokes(&claims),
                list.revokes(&claims),
                "{session} {subject} {version}"
            );
        }
    }
}
