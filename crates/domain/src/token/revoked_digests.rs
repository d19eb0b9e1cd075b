//! The list of revocations as other services get it: digests, which name nobody.

use std::collections::{HashMap, HashSet};

use super::{AccessClaims, revocation_digest};

/// What `GET /v1/revocations` told, for a service that verifies access tokens itself.
///
/// The list is true as of the instant that came with it (`as_of`): how old it may be is for the service to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RevokedDigests {
    sessions: HashSet<String>,
    users: HashMap<String, u32>,
}

impl RevokedDigests {
    /// The list of these `sessions` and `users`, as an answer without a cursor tells them: all there is.
    pub fn new(
        sessions: impl IntoIterator<Item = String>,
        users: impl IntoIterator<Item = (String, u32)>,
    ) -> Self {
        Self {
            sessions: sessions.into_iter().collect(),
            users: users.into_iter().collect(),
        }
    }

    /// Whether the list makes a token with these claims untrue: its session is listed, or its user with a version greater
    /// than the token's.
    pub fn revokes(&self, claims: &AccessClaims) -> bool {
        let lowest = self.users.get(&revocation_digest(&claims.subject.to_string()));
        self.sessions
            .contains(&revocation_digest(&claims.session_id.to_string()))
            || lowest.is_some_and(|lowest| claims.user_version.get() < *lowest)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::account::Roles;
    use crate::account::UserVersion;
    use crate::id::{SessionId, TokenId, UserId};
    use crate::time::Timestamp;
    use crate::token::{Revocation, RevocationList, Revoked};

    #[test]
    fn the_digests_refuse_exactly_what_the_list_refuses() {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        let mut list = RevocationList::new(Duration::from_secs(905));
        let user = UserId::from_bytes([8; 16]);
        let revoked = [
            Revoked::Session(SessionId::from_bytes([7; 16])),
            Revoked::User {
                id: user,
                lowest_version: UserVersion::new(3),
            },
        ];
        for (number, revoked) in (1..).zip(revoked) {
            list.add(&Revocation {
                number,
                at: now,
                revoked,
            });
        }
        let told = list.digests_after(0, now);
        let users = told
            .users
            .into_iter()
            .map(|(digest, version)| (digest, version.get()));
        let digests = RevokedDigests::new(told.sessions, users);
        for (session, subject, version) in [(7, 1, 1), (6, 1, 1), (6, 8, 2), (6, 8, 3), (7, 8, 9)] {
            let claims = AccessClaims {
                subject: UserId::from_bytes([subject; 16]),
                session_id: SessionId::from_bytes([session; 16]),
                token_id: TokenId::from_bytes([0; 16]),
                user_version: UserVersion::new(version),
                roles: Roles::user(),
                email: None,
                issued_at: now,
                expires_at: now,
                authenticated_at: now,
            };
            assert_eq!(
                digests.revokes(&claims),
                list.revokes(&claims),
                "{session} {subject} {version}"
            );
        }
    }
}
