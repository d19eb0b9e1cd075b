//! Knowing whom an access token speaks for.

use core::time::Duration;

use doorward_domain::access::Principal;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessTokenVerifier, RevocationCheck, RevocationStatus, TokenRejected};

/// Finds out whom an access token speaks for. Touches no store: this is done at every request.
pub struct Authenticate<'a> {
    /// Verifies access tokens.
    pub verifier: &'a dyn AccessTokenVerifier,
    /// Knows what was revoked.
    pub revocations: &'a dyn RevocationCheck,
    /// How old a token may be, whatever it says itself: revocations are remembered for no longer, also when tokens were
    /// issued for longer than they are now.
    pub max_age: Duration,
}

/// Why the token speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// It is not a valid access token of ours.
    #[error(transparent)]
    InvalidToken(#[from] TokenRejected),
    /// It is older than access tokens are allowed to be.
    #[error("the access token is too old")]
    TooOld,
    /// Its session has ended, or its user has changed since it was issued.
    #[error("the access token was revoked")]
    Revoked,
    /// It cannot be known at present whether it was revoked.
    #[error("the revocations of late are not known")]
    RevocationsUnknown,
}

impl Authenticate<'_> {
    /// The principal of the token.
    pub fn execute(&self, token: &str, now: Timestamp) -> Result<Principal, AuthenticateError> {
        let claims = self.verifier.verify(token, now)?;
        if now >= claims.issued_at + self.max_age {
            return Err(AuthenticateError::TooOld);
        }
        match self.revocations.status(&claims) {
            RevocationStatus::Valid => Ok(Principal::new(claims)),
            RevocationStatus::Revoked => Err(AuthenticateError::Revoked),
            RevocationStatus::Unknown => Err(AuthenticateError::RevocationsUnknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_domain::account::Roles;
    use doorward_domain::id::{SessionId, TokenId, UserId};
    use doorward_domain::session::Authentication;
    use doorward_domain::subject::SubjectVersion;
    use doorward_domain::token::AccessClaims;
    use doorward_domain::token::{MockAccessTokenVerifier, MockRevocationCheck};

    const ISSUED: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// What comes of a token of that age, of which that is known.
    fn authenticate(age: u64, status: RevocationStatus) -> Result<Principal, AuthenticateError> {
        let mut verifier = MockAccessTokenVerifier::new();
        verifier.expect_verify().returning(|_, _| {
            Ok(AccessClaims {
                subject: UserId::from_bytes([1; 16]).into(),
                session_id: SessionId::from_bytes([2; 16]),
                token_id: TokenId::from_bytes([3; 16]),
                subject_version: SubjectVersion::FIRST,
                roles: Roles::user(),
                email: None,
                issued_at: ISSUED,
                expires_at: ISSUED + Duration::from_secs(3600),
                authentication: Some(Authentication::by_password(ISSUED)),
            })
        });
        let mut revocations = MockRevocationCheck::new();
        revocations.expect_status().returning(move |_| status);
        let max_age = Duration::from_secs(305);
        Authenticate {
            verifier: &verifier,
            revocations: &revocations,
            max_age,
        }
        .execute("token", ISSUED + Duration::from_secs(age))
    }

    #[test]
    fn a_good_token_speaks_for_its_user_while_revocations_are_remembered() {
        assert!(authenticate(304, RevocationStatus::Valid).is_ok());
        assert_eq!(
            authenticate(305, RevocationStatus::Valid),
            Err(AuthenticateError::TooOld)
        );
    }

    #[test]
    fn what_was_revoked_or_cannot_be_known_speaks_for_nobody() {
        assert_eq!(
            authenticate(0, RevocationStatus::Revoked),
            Err(AuthenticateError::Revoked)
        );
        assert_eq!(
            authenticate(0, RevocationStatus::Unknown),
            Err(AuthenticateError::RevocationsUnknown)
        );
    }
}
