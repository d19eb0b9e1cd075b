//! `database.*`

use core::time::Duration;
use std::path::Path;

use doorward_persistence::{DatabaseSettings, DatabaseUrl};
use schemars::JsonSchema;
use serde::Deserialize;

use super::cores;
use crate::config::checker::Checker;
use crate::config::secret::Secret;

/// The fewest connections that the default gives.
const MIN_DEFAULT_CONNECTIONS: u32 = 8;

/// How long a transaction waits for a connection, a lock or its turn to write before the database counts as unavailable.
/// Not configurable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

/// `database.*`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDatabase {
    /// The database: `sqlite://` and a path (`sqlite://data/doorward.db` is relative, `sqlite:///srv/doorward.db`
    /// absolute), or `postgres://user:password@host/database`.
    #[schemars(extend("x-default" = "`sqlite://<data_dir>/doorward.db`"))]
    pub url: Option<Secret>,
    /// A file that holds `database.url`.
    pub url_file: Option<String>,
    /// The most connections that this instance opens for requests; one more reads revocations. On PostgreSQL the sum over all
    /// instances must stay below the server's own `max_connections`, less what other clients need.
    #[schemars(range(min = 1, max = 10_000), extend("x-default" = "cores × 4, at least 8"))]
    pub max_connections: Option<u32>,
}

impl RawDatabase {
    pub fn check(self, checker: &mut Checker, data_dir: &Path) -> DatabaseSettings {
        let given = checker.secret("database.url", self.url, self.url_file.as_deref(), |url| {
            DatabaseUrl::parse_secret(url).map_err(|error| error.to_string())
        });
        DatabaseSettings {
            url: given.unwrap_or_else(|| DatabaseUrl::sqlite(data_dir.join("doorward.db"))),
            max_connections: self
                .max_connections
                .unwrap_or_else(|| cores().saturating_mul(4).max(MIN_DEFAULT_CONNECTIONS)),
            acquire_timeout: ACQUIRE_TIMEOUT,
        }
    }
}
