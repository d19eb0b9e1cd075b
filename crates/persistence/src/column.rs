//! What columns hold, and back.

use doorward_domain::time::Timestamp;

use crate::error::Failure;

/// The place of a value: for the message when it cannot be read.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The table.
    pub(crate) table: &'static str,
    /// What names the row.
    pub(crate) row: &'a str,
}

impl Place<'_> {
    /// A value that was read, or the failure that says where it stands.
    pub(crate) fn parsed<T>(self, column: &'static str, value: Option<T>) -> Result<T, Failure> {
        value.ok_or_else(|| Failure::unreadable(self.table, column, self.row))
    }

    /// The same for a column that may be NULL.
    pub(crate) fn parsed_optional<V, T>(
        self,
        column: &'static str,
        value: Option<V>,
        parse: impl FnOnce(V) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        value.map(|value| self.parsed(column, parse(value))).transpose()
    }

    /// A counter.
    pub(crate) fn counter(self, column: &'static str, value: i64) -> Result<u32, Failure> {
        self.parsed(column, u32::try_from(value).ok())
    }

    /// Exactly so many bytes.
    pub(crate) fn bytes<const N: usize>(
        self,
        column: &'static str,
        value: Vec<u8>,
    ) -> Result<[u8; N], Failure> {
        self.parsed(column, value.try_into().ok())
    }
}

/// An instant.
pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// Text that the type system does not keep free of NUL. PostgreSQL cannot hold one, so neither does SQLite.
pub(crate) fn without_nul<'t>(
    table: &'static str,
    column: &'static str,
    text: &'t str,
) -> Result<&'t str, Failure> {
    if text.contains('\0') {
        Err(Failure::unreadable(
            table,
            column,
            "a new row: it has a NUL character",
        ))
    } else {
        Ok(text)
    }
}
