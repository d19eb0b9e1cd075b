//! Conversions between column values and domain types.

use doorward_domain::time::Timestamp;

use crate::error::DbError;

/// Table and row of a value, for the error when the value cannot be read.
#[derive(Clone, Copy)]
pub(crate) struct Location<'a> {
    pub(crate) table: &'static str,
    /// Identifies the row without revealing a secret.
    pub(crate) row: &'a str,
}

impl Location<'_> {
    /// Unwraps a parsed value; `None` is an error that names the column.
    pub(crate) fn parsed<T>(self, column: &'static str, value: Option<T>) -> Result<T, DbError> {
        value.ok_or_else(|| DbError::unreadable(self.table, column, self.row))
    }

    /// Parses the value of a column that may be NULL.
    pub(crate) fn parsed_optional<V, T>(
        self,
        column: &'static str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Option<T>,
    ) -> Result<Option<T>, DbError> {
        value.map(|value| self.parsed(column, parse(value))).transpose()
    }

    pub(crate) fn counter(self, column: &'static str, value: i64) -> Result<u32, DbError> {
        self.parsed(column, u32::try_from(value).ok())
    }

    /// Exactly `N` bytes.
    pub(crate) fn bytes<const N: usize>(
        self,
        column: &'static str,
        value: Vec<u8>,
    ) -> Result<[u8; N], DbError> {
        self.parsed(column, value.try_into().ok())
    }
}

/// Instants are stored in microseconds since 1970.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Rejects a NUL character in text whose type does not rule it out. PostgreSQL cannot store one; SQLite must behave alike.
pub(crate) fn without_nul<'t>(
    table: &'static str,
    column: &'static str,
    text: &'t str,
) -> Result<&'t str, DbError> {
    if text.contains('\0') {
        Err(DbError::unreadable(
            table,
            column,
            "a new row: it contains a NUL character",
        ))
    } else {
        Ok(text)
    }
}
