//! The contract that every store is held to.

use doorward_domain::audit::Event;
use doorward_domain::ports::UnitOfWork;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::contract::{NotRun, StoreUnderTest};
use doorward_testkit::store_contract;

pub(crate) struct Store {
    // Closes its connections before the database goes.
    store: Database,
    database: TestDatabase,
}

impl From<TestDatabase> for Store {
    fn from(database: TestDatabase) -> Self {
        Self {
            store: database.open(),
            database,
        }
    }
}

impl StoreUnderTest for Store {
    fn store(&self) -> &dyn UnitOfWork {
        &self.store
    }

    fn events(&self) -> Vec<Event> {
        self.database.events()
    }
}

store_contract!(sqlite, Ok(Store::from(TestDatabase::sqlite())));
store_contract!(
    postgres,
    TestDatabase::try_postgres().map(Store::from).map_err(NotRun)
);
