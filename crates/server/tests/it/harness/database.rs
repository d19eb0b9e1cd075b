//! The two databases that every scenario is tried on.

use std::sync::Arc;

use doorward_persistence::test_support::TestDatabase;

/// A master key, for a database that is not given one of its own.
pub const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The password that the database is addressed with.
pub const DATABASE_PASSWORD: &str = "s3cret-of-the-database";

/// An empty database and the key to what will be in it. The database is gone with the last of its clones and services.
#[derive(Clone)]
pub struct Database {
    database: Arc<TestDatabase>,
}

impl Database {
    /// An embedded database.
    pub fn sqlite() -> Self {
        Self {
            database: Arc::new(TestDatabase::sqlite()),
        }
    }

    /// One on the PostgreSQL server for tests; without one, the test says that it was not run, or fails where it must be.
    pub fn postgres() -> Option<Self> {
        let database = Arc::new(TestDatabase::postgres()?);
        Some(Self { database })
    }

    /// The database itself.
    pub fn test_database(&self) -> &TestDatabase {
        &self.database
    }

    /// What a service has to be told to use it. The server for tests asks for no password; being told one, it tells
    /// whether one is kept secret.
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

/// Makes of each scenario, a function of a [`Database`], a test on SQLite and one on PostgreSQL.
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
