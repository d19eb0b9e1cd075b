//! The claims of access tokens.

use core::time::Duration;

use crate::account::Roles;
use crate::id::{SessionId, TokenId};
use crate::session::Authentication;
use crate::time::Timestamp;

use crate::subject::{Subject, SubjectVersion};

/// The claims of an access token that differ from token to token (RFC 9068, section 2.2). Issuer, audience and client
/// belong to the signer, which adds and checks them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// `sub`: the user or service that the token represents.
    pub subject: Subject,
    /// `sid`: the session of the token; for a service, whose tokens have no session, an id that only this token has.
    pub session_id: SessionId,
    /// `jti`: identifies the token.
    pub token_id: TokenId,
    /// `ver`: the subject's version when it was issued.
    pub subject_version: SubjectVersion,
    /// `roles`: the subject's roles when it was issued.
    pub roles: Roles,
    /// `email`: the user's address as typed, unless tokens are configured not to carry it.
    pub email: Option<String>,
    /// `email_verified`: whether the user has proved that the address is theirs. An address that is not verified tells nothing
    /// about who the user is.
    pub email_verified: bool,
    /// `iat`: when it was issued, in whole seconds.
    pub issued_at: Timestamp,
    /// `exp`: from when it is no longer valid, in whole seconds.
    pub expires_at: Timestamp,
    /// `amr` and `auth_time`: how and when the user authenticated, in whole seconds. `None` for a service.
    pub authentication: Option<Authentication>,
}

/// The time claims of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTimes {
    /// `exp`: from when the token is no longer valid.
    pub expires_at: Timestamp,
    /// `iat`: when the token was issued.
    pub issued_at: Timestamp,
    /// `nbf`: before when the token is not valid, if given.
    pub not_before: Option<Timestamp>,
}

/// The token is not valid at this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UntimelyClaims {
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYet,
}

impl ClaimTimes {
    /// Checks the times at `now`, allowing clocks to differ by `leeway`.
    ///
    /// A token is valid *before* `exp` (RFC 7519, section 4.1.4), and one issued in the future is not valid yet.
    pub fn check(&self, now: Timestamp, leeway: Duration) -> Result<(), UntimelyClaims> {
        if now >= self.expires_at + leeway {
            return Err(UntimelyClaims::Expired);
        }
        let starts = self
            .not_before
            .map_or(self.issued_at, |not_before| not_before.max(self.issued_at));
        if starts > now + leeway {
            return Err(UntimelyClaims::NotYet);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEEWAY: Duration = Duration::from_secs(5);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn a_token_is_valid_from_issue_until_just_before_expiry() {
        let times = ClaimTimes {
            expires_at: at(900),
            issued_at: at(100),
            not_before: None,
        };
        assert_eq!(times.check(at(94), LEEWAY), Err(UntimelyClaims::NotYet));
        assert_eq!(times.check(at(95), LEEWAY), Ok(()));
        assert_eq!(times.check(at(904), LEEWAY), Ok(()));
        assert_eq!(times.check(at(905), LEEWAY), Err(UntimelyClaims::Expired));
    }

    #[test]
    fn a_token_is_rejected_before_its_nbf() {
        let times = ClaimTimes {
            expires_at: at(900),
            issued_at: at(100),
            not_before: Some(at(500)),
        };
        assert_eq!(times.check(at(494), LEEWAY), Err(UntimelyClaims::NotYet));
        assert_eq!(times.check(at(495), LEEWAY), Ok(()));
    }
}
