//! The contract that every store is held to.

use doorward_domain::audit::Event;
use doorward_domain::store::UnitOfWork;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::contract::{NotRun, StoreUnderTest};
use doorward_testkit::store_contract;

use crate::statements;

pub(crate) struct Store {
    // Closes its connections before the database goes.
    store: Database,
    database: TestDatabase,
}

impl From<TestDatabase> for Store {
    fn from(database: TestDatabase) -> Self {
        statements::listen();
        let store = database.open();
        statements::start();
        Self { store, database }
    }
}

/// Every statement that a case has run, on the thread of its own, is one that may be run on large tables.
impl Drop for Store {
    fn drop(&mut self) {
        let seen = statements::stop();
        if !std::thread::panicking() {
            statements::assert_none_scans(&self.database, &seen);
        }
    }
}

impl StoreUnderTest for Store {
    fn store(&self) -> &dyn UnitOfWork {
        &self.store
    }

    fn events(&self) -> Vec<Event> {
        statements::unheard(|| self.database.events())
    }
}

store_contract!(sqlite, Ok(Store::from(TestDatabase::sqlite())));
store_contract!(
    postgres,
    TestDatabase::try_postgres().map(Store::from).map_err(NotRun)
);
