//! Generated histories, on the databases: fewer than in memory, where many are tried.

use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::histories;

use super::contract::Store;

#[test]
fn histories_go_as_the_reference_says_on_sqlite() {
    histories::check(&Store::from(TestDatabase::sqlite()), 64, 30);
}

#[test]
fn histories_go_as_the_reference_says_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        histories::check(&Store::from(database), 24, 30);
    }
}

#[test]
fn two_clients_at_once_leave_one_lineage_on_sqlite() {
    histories::check_concurrent(&Store::from(TestDatabase::sqlite()), 64);
}

#[test]
fn two_clients_at_once_leave_one_lineage_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        histories::check_concurrent(&Store::from(database), 48);
    }
}
