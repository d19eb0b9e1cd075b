//! `database.*`

use core::time::Duration;
use std::path::Path;

use doorward_persistence::{DatabaseSettings, DatabaseUrl};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::checker::Checker;
use crate::config::secret::Secret;
use crate::resources::Resources;

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
    /// absolute), or `postgres://user:password@host/database`. On another machine `sslmode` must be in the URL, such as
    /// `?sslmode=verify-full` (`disable` sends everything in plain text); `require_auth=scram-sha-256` is added unless the URL
    /// has another one.
    #[schemars(extend("x-default" = "`sqlite://<data_dir>/doorward.db`"))]
    pub url: Option<Secret>,
    /// A file that holds `database.url`.
    pub url_file: Option<String>,
    /// The most connections that this instance opens for requests; one more reads revocations. On PostgreSQL the sum over all
    /// instances must stay below the server's own `max_connections`, less what other clients need.
    #[schemars(range(min = 1, max = 10_000), extend("x-default" = "cores × 4, at least 8, as far as memory permits"))]
    pub max_connections: Option<u32>,
}

impl RawDatabase {
    pub fn check(self, checker: &mut Checker, data_dir: &Path, resources: &Resources) -> DatabaseSettings {
        let given = checker.secret("database.url", self.url, self.url_file.as_deref(), |url| {
            DatabaseUrl::parse_secret(url).map_err(|error| error.to_string())
        });
        let url = given.unwrap_or_else(|| DatabaseUrl::sqlite(data_dir.join("doorward.db")));
        if url.may_downgrade() {
            let what = "with sslmode=allow or prefer, anybody between here and the database can have everything sent in plain \
                        text: sslmode=verify-full is advised";
            checker.warn("database.url", what);
        }
        let wanted = resources.cores.saturating_mul(4).max(MIN_DEFAULT_CONNECTIONS);
        let max_connections = self
            .max_connections
            .unwrap_or_else(|| resources.database_connections(wanted, url.is_sqlite()));
        DatabaseSettings {
            url,
            max_connections,
            acquire_timeout: ACQUIRE_TIMEOUT,
        }
    }
}
