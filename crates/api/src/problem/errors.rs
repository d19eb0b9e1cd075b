//! The problem for each error of each use case.

use std::time::Duration;

use doorward_application::{
    AttemptError, ChangePasswordError, CompleteSetupError, CreateUserError, DeleteAccountError,
    DeleteUserError, EndSessionError, ListSessionsError, LoginError, RefreshError, RegisterError,
    SetRolesError, UnlockUserError, UpdateAccountError, UpdateUserError, ViewUserError,
};
use doorward_domain::password::HashError;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::SigningError;
use doorward_domain::validation::Invalid;
use doorward_http::{Rejection, RejectionKind, STORE_RETRY};
use doorward_runtime::{ExecutorError, QueueFull, RunError};

use super::{Code, Problem};

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

impl From<ExecutorError> for Problem {
    fn from(error: ExecutorError) -> Self {
        let problem = match error {
            ExecutorError::Overloaded { retry_after, .. } => {
                Self::new(Code::Overloaded).retry_after(retry_after)
            }
            ExecutorError::QueueFull(_) => Self::new(Code::Overloaded).retry_after(QueueFull::RETRY_AFTER),
            ExecutorError::Stuck { retry_after, .. } => Self::new(Code::Unavailable).retry_after(retry_after),
            ExecutorError::Panicked { .. } | ExecutorError::AttemptAborted => Self::new(Code::Internal),
        };
        problem.cause(&error)
    }
}

impl<E> From<RunError<E>> for Problem
where
    Self: From<E>,
{
    fn from(error: RunError<E>) -> Self {
        match error {
            RunError::UseCase(error) => error.into(),
            RunError::Executor(error) => error.into(),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection.kind {
            RejectionKind::MalformedRequest => Code::MalformedRequest,
            RejectionKind::MissingToken => Code::MissingToken,
            RejectionKind::InvalidToken => Code::InvalidToken,
            RejectionKind::Forbidden => Code::Forbidden,
            RejectionKind::NotFound => Code::NotFound,
            RejectionKind::MethodNotAllowed => Code::MethodNotAllowed,
            RejectionKind::RequestTimeout => Code::RequestTimeout,
            RejectionKind::PayloadTooLarge => Code::PayloadTooLarge,
            RejectionKind::UnsupportedMediaType => Code::UnsupportedMediaType,
            RejectionKind::RateLimited => Code::RateLimited,
            RejectionKind::HeadersTooLarge => Code::HeadersTooLarge,
            RejectionKind::Overloaded => Code::Overloaded,
            RejectionKind::Unavailable => Code::Unavailable,
            RejectionKind::Internal => Code::Internal,
        };
        Self {
            code,
            detail: rejection.detail,
            violations: Vec::new(),
            headers: rejection.headers,
            cause: rejection.cause,
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let mut problem = Self::new(Code::Validation);
        problem.violations = invalid.violations().to_vec();
        problem
    }
}

/// Too many failed attempts on an account. The reported quota is always one attempt after the wait: the actual numbers
/// differ between accounts and would show which of them exist.
fn too_many_attempts(wait: Duration) -> Problem {
    Problem::new(Code::TooManyAttempts).rate_limit("account", 1, wait, wait)
}

/// Implements `From` for the error enum of a use case: its own variants map to problems, the variants after `through`
/// wrap an error that has a conversion already.
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
        RegisterError::Closed => Self::new(Code::FeatureDisabled),
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
