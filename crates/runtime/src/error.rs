//! Errors of executors and of starting the application.

use std::io;
use std::time::Duration;

use doorward_domain::store_error::StoreError;

use crate::keyed_lock::QueueFull;

/// A job that was not run, or whose result did not arrive in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    /// The queue was full, the job was displaced by another client's, or it waited too long.
    #[error("the {lane} lane is full")]
    Overloaded {
        /// The lane's name.
        lane: &'static str,
        /// When to retry.
        retry_after: Duration,
    },
    /// The job did not finish within its time limit. It is still running.
    #[error("a job on the {lane} lane takes too long")]
    Stuck {
        /// The lane's name.
        lane: &'static str,
        /// When to retry.
        retry_after: Duration,
    },
    /// The job panicked.
    #[error("a job on the {lane} lane panicked")]
    Panicked {
        /// The lane's name.
        lane: &'static str,
    },
    /// Too many attempts on one attempt record are waiting, or this one waited too long.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The task that drives a password attempt ended without a result.
    #[error("a password attempt was aborted")]
    AttemptAborted,
}

/// Why a use case returned no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunError<E> {
    /// The use case's own error.
    UseCase(E),
    /// It was not run, or did not finish.
    Executor(ExecutorError),
}

impl<E> RunError<E> {
    /// Converts to an error with a wider use case error.
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
