//! Why a use case has no result, and why none can be run.

use std::io;
use std::time::Duration;

use doorward_domain::store_error::StoreError;

use crate::keyed_lock::QueueFull;

/// Work that was not done, or whose result did not come in time, for reasons of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// The queue was full, another client's job had a better claim to the place, or the job waited too long.
    #[error("the {lane} lane is full")]
    Overloaded {
        /// The lane's name.
        lane: &'static str,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The job runs, and has not ended within its limit.
    #[error("a job on the {lane} lane takes too long")]
    Stuck {
        /// The lane's name.
        lane: &'static str,
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The job panicked.
    #[error("a job on the {lane} lane panicked")]
    Panicked {
        /// The lane's name.
        lane: &'static str,
    },
    /// Too many attempts on one record wait already, or those before take too long.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The task that drives a password attempt ended without a result.
    #[error("a password attempt was broken off")]
    AttemptAborted,
}

/// Why running a use case gave no result: it has an error of its own, or was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunError<E> {
    /// The use case's own error.
    UseCase(E),
    /// It was not run to its end.
    Executor(ExecutorError),
}

impl<E> RunError<E> {
    /// The same error of a caller with a wider error type.
    pub(crate) fn widen<F: From<E>>(self) -> RunError<F> {
        match self {
            Self::UseCase(error) => RunError::UseCase(error.into()),
            Self::Executor(error) => RunError::Executor(error),
        }
    }
}

impl<E> From<ExecutorError> for RunError<E> {
    fn from(error: ExecutorError) -> Self {
        Self::Executor(error)
    }
}

/// Why the application could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The revocations could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A metric could not be registered.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// A thread could not be started.
    #[error(transparent)]
    Thread(#[from] io::Error),
}
