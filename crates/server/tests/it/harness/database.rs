//! The two databases that tests run on.

use std::sync::Arc;

use doorward_persistence::test_support::TestDatabase;

/// The master key that services are configured with.
pub const MASTER_KEY: &str = "AAzBIB9Mi4Lq2lKfGKSvJP97lSj/6JbmSQX5Ot8VQ4s=";

/// The password in the database's URL.
pub const DATABASE_PASSWORD: &str = "s3cret-of-the-database";

/// An empty database. It is deleted with the last of its clones and services.
#[derive(Clone)]
pub struct Database {
    database: Arc<TestDatabase>,
}

impl Database {
    /// An SQLite database.
    pub fn sqlite() -> Self {
        Self {
            database: Arc::new(TestDatabase::sqlite()),
        }
    }

    /// A database on the PostgreSQL server for tests. `None` without a server, unless `DOORWARD_REQUIRE_POSTGRES` makes
    /// that a failure.
    pub fn postgres() -> Option<Self> {
        let database = Arc::new(TestDatabase::postgres()?);
        Some(Self { database })
    }

    /// The underlying database, for direct access.
    pub fn test_database(&self) -> &TestDatabase {
        &self.database
    }

    /// The environment variables that make a service use it. The server for tests needs no password; one is given so
    /// that tests can look for it in the log.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let url = self
            .database
            .url()
            .replacen("doorward@", &format!("doorward:{DATABASE_PASSWORD}@"), 1);
        [
            ("DOORWARD_DATABASE__URL", url),
            ("DOORWARD_KEYS__MASTER_KEY", MASTER_KEY.to_owned()),
        ]
    }
}

/// Defines, for each function that takes a [`Database`], a test on SQLite and one on PostgreSQL.
macro_rules! on_both_databases {
    ($($scenario:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(&crate::harness::database::Database::sqlite());
                }
            )*
        }

        mod postgres {
            $(
                #[test]
                fn $scenario() {
                    if let Some(database) = crate::harness::database::Database::postgres() {
                        super::$scenario(&database);
                    }
                }
            )*
        }
    };
}

pub(crate) use on_both_databases;
