//! The database URL. It is never displayed with its password.

use core::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::error::InvalidDatabaseUrl;

use super::percent::percent_decode;
use super::postgres_url::PostgresUrl;

/// A database URL. Displayed without user name, password and parameters.
///
/// ```
/// use doorward_persistence::DatabaseUrl;
///
/// let url = DatabaseUrl::parse("postgres://ada:enigma@db.internal:5432/doorward?sslmode=prefer")?;
/// assert_eq!(url.to_string(), "postgres://db.internal:5432/doorward");
/// # Ok::<(), doorward_persistence::InvalidDatabaseUrl>(())
/// ```
#[derive(Clone)]
pub struct DatabaseUrl(pub(super) DatabaseAddress);

#[derive(Clone)]
pub(super) enum DatabaseAddress {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Parses `sqlite://relative/path`, `sqlite:///absolute/path`, `postgres://…` or `postgresql://…`.
    ///
    /// A `%` begins a percent-encoded byte (RFC 3986), in the path of a SQLite database too; [`sqlite`](Self::sqlite) takes
    /// a path without encoding. PostgreSQL URLs have the meaning that libpq defines, including several hosts and its parameters,
    /// with a few defaults for time limits. If a host is not this machine, the URL must
    /// have `sslmode`, and the password is sent as SCRAM-SHA-256 requires it unless the URL has `require_auth`.
    pub fn parse(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        match scheme {
            "sqlite" => Self::parse_sqlite(rest),
            "postgres" | "postgresql" => Ok(Self(DatabaseAddress::Postgres(PostgresUrl::parse(rest)?))),
            _ => Err(InvalidDatabaseUrl::because(
                "it must begin with sqlite://, postgres:// or postgresql://",
            )),
        }
    }

    /// Like [`parse`](Self::parse), for a URL that is stored as a secret.
    pub fn parse_secret(url: &SecretString) -> Result<Self, InvalidDatabaseUrl> {
        Self::parse(url.expose_secret())
    }

    /// The SQLite database in the file at `path`.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(DatabaseAddress::Sqlite(path.into()))
    }

    fn parse_sqlite(rest: &str) -> Result<Self, InvalidDatabaseUrl> {
        if rest.contains(['?', '#']) {
            return Err(InvalidDatabaseUrl::because(
                "a SQLite URL has no parameters: write `?` as %3F, `#` as %23",
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
                "an in-memory SQLite database is not supported: each connection would have its own",
            ));
        }
        Ok(Self::sqlite(path))
    }

    /// Whether this is a SQLite database, a file on this machine.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.0, DatabaseAddress::Sqlite(_))
    }

    /// Whether the database is on another machine, and `sslmode` is `allow` or `prefer`: TLS is used only if nobody in between
    /// prevents it.
    pub fn may_downgrade(&self) -> bool {
        matches!(&self.0, DatabaseAddress::Postgres(url) if url.may_downgrade())
    }

    /// Whether a connection attempt has found a pooler, such as PgBouncer, between this program and the PostgreSQL server.
    pub(crate) fn is_pooled(&self) -> bool {
        match &self.0 {
            DatabaseAddress::Sqlite(_) => false,
            DatabaseAddress::Postgres(url) => url.is_pooled(),
        }
    }

    /// Path of a SQLite database; `None` for PostgreSQL.
    pub fn sqlite_path(&self) -> Option<&Path> {
        match &self.0 {
            DatabaseAddress::Sqlite(path) => Some(path),
            DatabaseAddress::Postgres(_) => None,
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            DatabaseAddress::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseAddress::Postgres(url) => f.write_str(url.redacted()),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
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
    fn an_invalid_url_is_rejected_without_being_repeated() {
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
            let error = DatabaseUrl::parse(url).expect_err(url);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_is_never_displayed() {
        for url in [
            "postgres://ada:hunter2@h/d?sslmode=disable",
            "postgresql://h/d?sslmode=disable&password=hunter2",
            "postgres://ada:a@hunter2@h/d?sslmode=disable",
            "postgres://ada:hunter2@localhost/d",
        ] {
            let url = DatabaseUrl::parse(url).expect(url);
            assert!(!format!("{url} {url:?}").contains("hunter2"), "{url}");
        }
        for url in [
            "postgres://ada:hunter2@h/d",
            "postgres://ada:hunter2/x@h/d",
            "postgres://ada:1/hunter2@h/d",
            "postgres://ada:hunter2?x@h/d",
            "postgres://ada:hunter2%@h/d",
            "postgres://h/d?hunter2=1",
            "postgres://h:hunter2/d",
            "postgres://[hunter2/d",
            "postgres://h/d?connect_timeout=hunter2",
            "postgres://h/d?sslmode=hunter2",
            "postgres://u:hunter2%00@h/d",
        ] {
            let error = DatabaseUrl::parse(url).expect_err(url);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
