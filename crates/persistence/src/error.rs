//! What became of a statement that failed, told without any value that was bound to it or read by it.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

use doorward_domain::ports::StoreError;

/// A failed statement, or a row that cannot be.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: StoreError,
    /// Whether the database asks for the whole transaction to be run again: it lost to another one that has ended.
    pub(crate) again: bool,
}

impl Failure {
    /// The store cannot do it now.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self {
            error: StoreError::Unavailable(reason.into()),
            again: false,
        }
    }

    /// A row that no version of this program wrote. Says where, and repeats nothing of what is there.
    pub(crate) fn unreadable(table: &str, column: &str, row: impl core::fmt::Display) -> Self {
        Self {
            error: StoreError::Corrupt(format!("{table}.{column} of {row}")),
            again: false,
        }
    }

    fn again(reason: &str) -> Self {
        Self {
            error: StoreError::Unavailable(reason.to_owned()),
            again: true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, information) => of_database(kind, &*information),
            // A type or a NULL where the schema has none. Diesel's own words could quote the value.
            Error::DeserializationError(_) => Self {
                error: StoreError::Corrupt("a column does not have the type it should have".to_owned()),
                again: false,
            },
            Error::SerializationError(_) => Self::unavailable("a value cannot be sent to the database"),
            Error::RollbackErrorOnCommit { .. } => Self::unavailable("neither commit nor rollback succeeded"),
            // The others are fixed sentences about transactions and queries.
            other => Self::unavailable(other.to_string()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

fn of_database(kind: DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> Failure {
    // The primary message names constraints, relations and settings; it is details and hints that quote values.
    let message = information
        .message()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match kind {
        DatabaseErrorKind::SerializationFailure => Failure::again("the transaction lost to a concurrent one"),
        // What it refers to was there when the transaction looked, and another one has deleted it since.
        DatabaseErrorKind::ForeignKeyViolation => Failure::again("what a row refers to is gone"),
        // PostgreSQL's 40P01, which Diesel does not tell apart. A server that speaks another language than English is
        // not recognised: its deadlocks are answered "unavailable" instead of being tried again.
        DatabaseErrorKind::Unknown if message == "deadlock detected" => Failure::again("deadlock detected"),
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => Failure {
            error: StoreError::Corrupt(format!("a constraint refused a row: {message}")),
            again: false,
        },
        _ => Failure::unavailable(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database_error(kind: DatabaseErrorKind, message: &str) -> Failure {
        Error::DatabaseError(kind, Box::new(message.to_owned())).into()
    }

    #[test]
    fn only_lost_races_are_run_again() {
        assert!(
            database_error(
                DatabaseErrorKind::SerializationFailure,
                "could not serialize access"
            )
            .again
        );
        assert!(database_error(DatabaseErrorKind::Unknown, "deadlock detected").again);
        assert!(!database_error(DatabaseErrorKind::Unknown, "database is locked").again);
        assert!(!database_error(DatabaseErrorKind::ClosedConnection, "terminating connection").again);
    }

    #[test]
    fn an_outage_is_not_a_corruption() {
        let failure = database_error(DatabaseErrorKind::Unknown, "database or disk is\nfull");
        assert_eq!(
            failure.error,
            StoreError::Unavailable("database or disk is full".to_owned())
        );
        let failure = database_error(
            DatabaseErrorKind::CheckViolation,
            "CHECK constraint failed: users_status_check",
        );
        assert!(matches!(failure.error, StoreError::Corrupt(_)));
    }
}
