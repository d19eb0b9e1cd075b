//! What an access token says.

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
    /// `sub`: whom the token represents.
    pub subject: Subject,
    /// `sid`: the session it belongs to; of a service, whose tokens belong to none, an id of their own.
    pub session_id: SessionId,
    /// `jti`: the token itself.
    pub token_id: TokenId,
    /// `ver`: the subject's version when it was issued.
    pub subject_version: SubjectVersion,
    /// `roles`: the subject's roles when it was issued.
    pub roles: Roles,
    /// `email`: the user's address as typed, unless tokens are configured not to carry it.
    pub email: Option<String>,
    /// `iat`: when it was issued, in whole seconds.
    pub issued_at: Timestamp,
    /// `exp`: from when it is no longer valid, in whole seconds.
    pub expires_at: Timestamp,
    /// `amr` and `auth_time`: how and when the user authenticated, in whole seconds. `None` for a service.
    pub authentication: Option<Authentication>,
}

/// The claims that say when a token is valid, as found in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimTimes {
    /// `exp`
    pub expires_at: Timestamp,
    /// `iat`
    pub issued_at: Timestamp,
    /// `nbf`, when there is one.
    pub not_before: Option<Timestamp>,
}

/// A token that is not valid at this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UntimelyClaims {
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not valid yet")]
    NotYet,
}

impl ClaimTimes {
    /// Checks the times at `now`, forgiving clocks that differ by `leeway`.
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
    fn a_token_is_valid_from_its_start_to_before_its_end() {
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
    fn not_before_is_kept() {
        let times = ClaimTimes {
            expires_at: at(900),
            issued_at: at(100),
            not_before: Some(at(500)),
        };
        assert_eq!(times.check(at(494), LEEWAY), Err(UntimelyClaims::NotYet));
        assert_eq!(times.check(at(495), LEEWAY), Ok(()));
    }
}
