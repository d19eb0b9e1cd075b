//! Generated histories on each database; fewer than on the memory store, which is faster.

use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::histories;

use crate::contract::Store;

#[test]
fn histories_match_the_reference_on_sqlite() {
    histories::check(&Store::from(TestDatabase::sqlite()), 64, 30);
}

#[test]
fn histories_match_the_reference_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        histories::check(&Store::from(database), 24, 30);
    }
}

#[test]
fn two_concurrent_clients_leave_one_lineage_on_sqlite() {
    histories::check_concurrent(&Store::from(TestDatabase::sqlite()), 64);
}

#[test]
fn two_concurrent_clients_leave_one_lineage_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        histories::check_concurrent(&Store::from(database), 48);
    }
}

#[test]
fn jobs_are_neither_lost_nor_run_twice_on_sqlite() {
    histories::check_jobs(&Store::from(TestDatabase::sqlite()), 48, 40);
}

#[test]
fn jobs_are_neither_lost_nor_run_twice_on_postgres() {
    if let Some(database) = TestDatabase::postgres() {
        histories::check_jobs(&Store::from(database), 24, 40);
    }
}
