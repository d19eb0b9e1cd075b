//! Where the database is: an address that never shows the password in it.

use core::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::connection::postgres_url::PostgresUrl;

/// A text that is not the address of a database. Says what is wrong, and repeats nothing of the text: it may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a database: {0}")]
pub struct InvalidDatabaseUrl(pub(crate) String);

impl InvalidDatabaseUrl {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The address of a database. Prints without user name, password and parameters.
///
/// ```
/// use doorward_persistence::DatabaseUrl;
///
/// let url = DatabaseUrl::parse("postgres://ada:enigma@db.internal:5432/doorward?sslmode=prefer")?;
/// assert_eq!(url.to_string(), "postgres://db.internal:5432/doorward");
/// # Ok::<(), doorward_persistence::InvalidDatabaseUrl>(())
/// ```
#[derive(Clone)]
pub struct DatabaseUrl(pub(crate) Location);

#[derive(Clone)]
pub(crate) enum Location {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Parses `sqlite://relative/path`, `sqlite:///absolute/path`, `postgres://…` or `postgresql://…`.
    ///
    /// A `%` begins a percent-encoded byte (RFC 3986), in the path of a SQLite database too; for a path as it is, use
    /// [`sqlite`](Self::sqlite). PostgreSQL addresses are what libpq makes of them (several hosts and its parameters
    /// included), with a few defaults of our own for time limits.
    pub fn parse(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        match scheme {
            "sqlite" => Self::parse_sqlite(rest),
            "postgres" | "postgresql" => Ok(Self(Location::Postgres(PostgresUrl::parse(rest)?))),
            _ => Err(InvalidDatabaseUrl::because(
                "it begins with sqlite://, postgres:// or postgresql://",
            )),
        }
    }

    /// Like [`parse`](Self::parse), for an address from a configuration that keeps its secrets.
    pub fn parse_secret(url: &SecretString) -> Result<Self, InvalidDatabaseUrl> {
        Self::parse(url.expose_secret())
    }

    /// The SQLite database in the file of that path.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Location::Sqlite(path.into()))
    }

    fn parse_sqlite(rest: &str) -> Result<Self, InvalidDatabaseUrl> {
        if rest.contains(['?', '#']) {
            return Err(InvalidDatabaseUrl::because(
                "a SQLite address has no parameters: write `?` as %3F, `#` as %23",
            ));
        }
        let path = percent_decode(rest)?;
        if path.is_empty() {
            return Err(InvalidDatabaseUrl::because(
                "the path of the SQLite database is missing",
            ));
        }
        if path == ":memory:" {
            return Err(InvalidDatabaseUrl::because(
                "a SQLite database in memory would be another one on each connection",
            ));
        }
        Ok(Self::sqlite(path))
    }

    /// Whether this is a SQLite database: a file that one machine uses.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.0, Location::Sqlite(_))
    }

    /// The file of a SQLite database; `None` for PostgreSQL.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Location::Postgres(url) => f.write_str(url.shown()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

/// Undoes percent-encoding. The result is UTF-8 without NUL, which no path and no parameter can hold.
pub(crate) fn percent_decode(text: &str) -> Result<String, InvalidDatabaseUrl> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digits = bytes
            .next()
            .and_then(hex_digit)
            .zip(bytes.next().and_then(hex_digit));
        let (high, low) =
            digits.ok_or_else(|| InvalidDatabaseUrl::because("a `%` is not followed by two hex digits"))?;
        decoded.push(high << 4 | low);
    }
    match String::from_utf8(decoded) {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded),
        _ => Err(InvalidDatabaseUrl::because(
            "it is not UTF-8, or has a NUL character",
        )),
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_paths_are_relative_or_absolute() {
        let path = |url: &str| {
            DatabaseUrl::parse(url)
                .unwrap()
                .sqlite_path()
                .unwrap()
                .to_path_buf()
        };
        assert_eq!(path("sqlite://data/doorward.db"), Path::new("data/doorward.db"));
        assert_eq!(
            path("sqlite:///var/lib/doorward.db"),
            Path::new("/var/lib/doorward.db")
        );
        assert_eq!(path("sqlite://a%20b%3F.db"), Path::new("a b?.db"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for url in [
            "",
            "hunter2",
            "sqlite:hunter2.db",
            "mysql://hunter2",
            "SQLITE://hunter2",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://hunter2?mode=ro",
            "sqlite://hunter2%",
            "sqlite://hunter2%zz",
            "sqlite://hunter2%00",
        ] {
            let refused = DatabaseUrl::parse(url).expect_err(url);
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
    }
}
