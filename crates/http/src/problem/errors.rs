//! Which error of which use case is answered how.

use std::time::Duration;

use actix_web::http::header;
use doorward_application::{
    AttemptError, AuthenticateError, ChangePasswordError, CompleteSetupError, CreateUserError,
    DeleteAccountError, DeleteUserError, EndSessionError, ListSessionsError, LoginError, RefreshError,
    RegisterError, SetRolesError, UnlockUserError, UpdateAccountError, UpdateUserError, ViewUserError,
};
use doorward_domain::access::Forbidden;
use doorward_domain::password::HashError;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::SigningError;
use doorward_domain::validation::Invalid;

use crate::keyed_lock::QueueFull;
use crate::lane::LaneError;

use super::{Code, Problem, STORE_RETRY};

/// How long to wait for a turn at an account at which many guess at once: about what those waiting take.
const GATE_RETRY: Duration = Duration::from_secs(2);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::new(Code::Unavailable)
                .retry_after(STORE_RETRY)
                .cause(&error),
            StoreError::Corrupt(_) => Self::new(Code::Internal).cause(&error),
        }
    }
}

impl From<prometheus::Error> for Problem {
    fn from(error: prometheus::Error) -> Self {
        Self::new(Code::Internal).cause(&error)
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        Self::new(Code::Internal).cause(&error)
    }
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        Self::new(Code::Internal).cause(&error)
    }
}

impl From<LaneError> for Problem {
    fn from(error: LaneError) -> Self {
        match error {
            LaneError::Overloaded { retry_after, .. } => {
                Self::new(Code::Overloaded).retry_after(retry_after).cause(&error)
            }
            LaneError::Stuck { retry_after, .. } => Self::new(Code::Unavailable)
                .retry_after(retry_after)
                .cause(&error),
            LaneError::Panicked { .. } => Self::new(Code::Internal).cause(&error),
        }
    }
}

impl From<QueueFull> for Problem {
    fn from(error: QueueFull) -> Self {
        Self::new(Code::Overloaded).retry_after(GATE_RETRY).cause(&error)
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let mut problem = Self::new(Code::Validation);
        problem.violations = invalid.violations().to_vec();
        problem
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        Self::new(Code::Forbidden)
            .header(header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\"")
            .cause(&error)
    }
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::InvalidToken(_) | AuthenticateError::TooOld | AuthenticateError::Revoked => {
                Self::invalid_token().cause(&error)
            }
            AuthenticateError::RevocationsUnknown => Self::revocations_unknown(),
        }
    }
}

/// An account at which too many guesses were made. The limit is told without its particulars, which differ from account
/// to account: what is the same for all is that the next guess is free after the wait.
fn too_many_attempts(wait: Duration) -> Problem {
    Problem::new(Code::TooManyAttempts).rate_limit("account", 1, wait, wait)
}

/// Writes `From` for the error enum of a use case: each of its own variants, and those that are handed through.
macro_rules! problems {
    ($($error:ident { $($pattern:pat => $problem:expr,)* } through { $($through:ident,)* })*) => {
        $(
            impl From<$error> for Problem {
                fn from(error: $error) -> Self {
                    match error {
                        $($pattern => $problem,)*
                        $($error::$through(inner) => inner.into(),)*
                    }
                }
            }
        )*
    };
}

problems! {
    RegisterError {
        RegisterError::EmailTaken => Self::new(Code::EmailTaken),
    } through { Invalid, Hash, Store, }
    AttemptError {
        AttemptError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
    } through { Store, }
    LoginError {
        LoginError::InvalidCredentials => Self::new(Code::InvalidCredentials),
        LoginError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
    } through { Hash, Sign, Store, }
    RefreshError {
        RefreshError::InvalidRefreshToken => Self::new(Code::InvalidRefreshToken),
    } through { Sign, Store, }
    ChangePasswordError {
        ChangePasswordError::InvalidCredentials => Self::new(Code::InvalidCredentials),
        ChangePasswordError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
        ChangePasswordError::Gone => Self::invalid_token(),
    } through { Invalid, Hash, Store, }
    DeleteAccountError {
        DeleteAccountError::InvalidCredentials => Self::new(Code::InvalidCredentials),
        DeleteAccountError::TooManyAttempts { retry_after } => too_many_attempts(retry_after),
        DeleteAccountError::LastAdmin => Self::new(Code::LastAdmin),
        DeleteAccountError::Gone => Self::invalid_token(),
    } through { Hash, Store, }
    UpdateAccountError {
        UpdateAccountError::Gone => Self::invalid_token(),
    } through { Invalid, Store, }
    EndSessionError {
        EndSessionError::NotFound => Self::new(Code::NotFound),
    } through { Store, }
    ListSessionsError {
        ListSessionsError::NotFound => Self::new(Code::NotFound),
    } through { Store, }
    ViewUserError {
        ViewUserError::NotFound => Self::new(Code::NotFound),
    } through { Store, }
    CompleteSetupError {
        CompleteSetupError::Closed => Self::new(Code::SetupClosed),
        CompleteSetupError::EmailTaken => Self::new(Code::EmailTaken),
    } through { Invalid, Hash, Store, }
    CreateUserError {
        CreateUserError::EmailTaken => Self::new(Code::EmailTaken),
    } through { Invalid, Hash, Store, }
    UpdateUserError {
        UpdateUserError::NotFound => Self::new(Code::NotFound),
        UpdateUserError::LastAdmin => Self::new(Code::LastAdmin),
    } through { Invalid, Store, }
    SetRolesError {
        SetRolesError::NotFound => Self::new(Code::NotFound),
        SetRolesError::LastAdmin => Self::new(Code::LastAdmin),
    } through { Invalid, Store, }
    DeleteUserError {
        DeleteUserError::NotFound => Self::new(Code::NotFound),
        DeleteUserError::LastAdmin => Self::new(Code::LastAdmin),
    } through { Store, }
    UnlockUserError {
        UnlockUserError::NotFound => Self::new(Code::NotFound),
    } through { Store, }
}
