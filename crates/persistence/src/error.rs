//! The errors of this crate. None of them contains a value that was bound to a statement or read from the database.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use doorward_domain::store_error::StoreError;

use crate::schema::SchemaStatus;

/// The text is not a database URL. The message does not repeat the text, which may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid database URL: {0}")]
pub struct InvalidDatabaseUrl(String);

impl InvalidDatabaseUrl {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Why a connection could not be made. Contains no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ConnectError(pub(crate) String);

/// Why a database cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The settings are invalid.
    #[error("invalid database settings: {0}")]
    Misconfigured(String),
    /// The database does not respond, refuses the connection, or cannot be opened.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The schema is not the one that this program was built for.
    #[error("the database schema does not match this version: {0}")]
    SchemaDiffers(SchemaStatus),
    /// A migration failed and was rolled back.
    #[error("the database migration failed: {0}")]
    MigrationFailed(String),
}

impl From<InvalidDatabaseUrl> for OpenError {
    fn from(error: InvalidDatabaseUrl) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.0)
    }
}

/// For statements outside of the store's transactions: while opening and migrating a database.
impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Unreachable(DbError::from(error).error.to_string())
    }
}

/// A failed statement or an unreadable row.
#[derive(Debug, Clone)]
pub(crate) struct DbError {
    /// The error that the caller receives.
    pub(crate) error: StoreError,
    /// Whether the whole transaction should be run again: it conflicted with another one, which has ended, or has to run in
    /// another way.
    pub(crate) retry: bool,
    /// Whether the connection is lost.
    pub(crate) is_loss: bool,
}

impl DbError {
    /// The operation failed, and a later one may succeed.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self {
            error: StoreError::Unavailable(reason.into()),
            retry: false,
            is_loss: false,
        }
    }

    /// A value that no version of this program has written. The message has its location, not the value.
    pub(crate) fn unreadable(table: &str, column: &str, row: impl core::fmt::Display) -> Self {
        Self::corrupt(format!("{table}.{column} of {row}"))
    }

    fn corrupt(reason: impl Into<String>) -> Self {
        Self {
            error: StoreError::Corrupt(reason.into()),
            retry: false,
            is_loss: false,
        }
    }

    /// The operation failed, and is to be run again at once.
    pub(crate) fn conflict(reason: &str) -> Self {
        Self {
            retry: true,
            ..Self::unavailable(reason)
        }
    }
}

impl From<Error> for DbError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => from_database(kind, &*information),
            // A type or a NULL that the schema does not allow. Diesel's message could quote the value.
            Error::DeserializationError(_) => Self::corrupt("a column has a value of the wrong type"),
            Error::SerializationError(_) => Self::unavailable("a value cannot be sent to the database"),
            Error::RollbackErrorOnCommit { .. } => Self::unavailable("both commit and rollback failed"),
            // The others are fixed sentences about transactions and queries.
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        error.error
    }
}

fn from_database(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> DbError {
    // The primary message names constraints, relations and settings. Details and hints, which quote values, are left out.
    let message = information
        .message()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match kind {
        DatabaseErrorKind::SerializationFailure => {
            DbError::conflict("the transaction conflicted with a concurrent one")
        }
        // The referenced row existed when this transaction read it, and another one has deleted it since.
        DatabaseErrorKind::ForeignKeyViolation => DbError::conflict("a referenced row was deleted"),
        // PostgreSQL's 40P01, which Diesel reports as unknown. With a server whose messages are not in English, a deadlock
        // is reported as unavailable instead of being retried.
        DatabaseErrorKind::Unknown if message == "deadlock detected" => {
            DbError::conflict("deadlock detected")
        }
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => {
            DbError::corrupt(format!("a row violates a constraint: {message}"))
        }
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => DbError {
            is_loss: true,
            ..DbError::unavailable(message)
        },
        _ => DbError::unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database_error(kind: DatabaseErrorKind, message: &str) -> DbError {
        Error::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn only_conflicts_are_retried() {
        assert!(
            database_error(
                DatabaseErrorKind::SerializationFailure,
                "could not serialize access"
            )
            .retry
        );
        assert!(database_error(DatabaseErrorKind::Unknown, "deadlock detected").retry);
        assert!(!database_error(DatabaseErrorKind::Unknown, "database is locked").retry);
        assert!(!database_error(DatabaseErrorKind::ClosedConnection, "terminating connection").retry);
    }

    #[test]
    fn an_outage_is_not_reported_as_corruption() {
        let full = database_error(DatabaseErrorKind::Unknown, "database or disk is\nfull");
        assert_eq!(
            full.error,
            StoreError::Unavailable("database or disk is full".to_owned())
        );
        let invalid = database_error(
            DatabaseErrorKind::CheckViolation,
            "CHECK constraint failed: users_status_check",
        );
        assert!(matches!(invalid.error, StoreError::Corrupt(_)));
    }
}
