//! Authentication of requests by access token.

use core::time::Duration;

use doorward_domain::access::Principal;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessTokenVerifier, RevocationCheck, RevocationStatus, TokenRejected};

/// Determines the principal that an access token represents. Uses no store, because it runs for every request.
pub struct Authenticate<'a> {
    /// Verifies access tokens.
    pub verifier: &'a dyn AccessTokenVerifier,
    /// Checks tokens against recent revocations.
    pub revocations: &'a dyn RevocationCheck,
    /// The maximum age of a token, whatever its `exp`: revocations are stored for this time only, and the configured lifetime
    /// may have been longer when the token was issued.
    pub max_age: Duration,
}

/// Why the token is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// The token is not a valid access token of this service.
    #[error(transparent)]
    InvalidToken(#[from] TokenRejected),
    /// The token is older than the maximum age.
    #[error("the access token is too old")]
    TooOld,
    /// The session has ended, or the roles or status of the user have changed since the token was issued.
    #[error("the access token was revoked")]
    Revoked,
    /// Recent revocations are not available, so the token may be revoked.
    #[error("recent revocations are not available")]
    RevocationsUnknown,
}

impl Authenticate<'_> {
    /// The principal of the token at `now`.
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

    /// Authenticates a token of that age, in seconds, with that revocation status.
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
                email_verified: false,
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
    fn a_valid_token_is_accepted_up_to_the_maximum_age() {
        assert!(authenticate(304, RevocationStatus::Valid).is_ok());
        assert_eq!(
            authenticate(305, RevocationStatus::Valid),
            Err(AuthenticateError::TooOld)
        );
    }

    #[test]
    fn a_token_is_rejected_if_it_is_revoked_or_its_status_is_unknown() {
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
