//! Runs the contract for all stores, which `doorward-testkit` defines, on each database.

use doorward_domain::audit::Event;
use doorward_domain::store::UnitOfWork;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::contract::{NotRun, StoreUnderTest};
use doorward_testkit::store_contract;

use crate::{query_plans, statement_log};

pub(crate) struct Store {
    // Before the database: connections close first.
    store: Database,
    database: TestDatabase,
}

impl From<TestDatabase> for Store {
    fn from(database: TestDatabase) -> Self {
        statement_log::install();
        let store = database.open();
        statement_log::start();
        Self { store, database }
    }
}

/// Checks that no statement of the test case, which runs on one thread, scans a large table.
impl Drop for Store {
    fn drop(&mut self) {
        let statements = statement_log::stop();
        if !std::thread::panicking() {
            query_plans::assert_no_scans(&self.database, &statements);
        }
    }
}

impl StoreUnderTest for Store {
    fn store(&self) -> &dyn UnitOfWork {
        &self.store
    }

    fn events(&self) -> Vec<Event> {
        statement_log::without_recording(|| self.database.events())
    }
}

store_contract!(sqlite, Ok(Store::from(TestDatabase::sqlite())));
store_contract!(
    postgres,
    TestDatabase::try_postgres().map(Store::from).map_err(NotRun)
);
