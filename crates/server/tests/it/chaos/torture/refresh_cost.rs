//! The database cost of a refresh, counted on the wire and in the write-ahead log.

use std::fs;

use crate::harness::database::{Database, MASTER_KEY};
use crate::harness::measure::print_uncaptured;
use crate::harness::service::Launch;

use super::sql_proxy::SqlProxy;

const REFRESHES: usize = 40;

#[test]
fn a_refresh_on_postgres_is_one_transaction_of_two_statements() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let url = url::Url::parse(database.test_database().url()).unwrap();
    let server = url.socket_addrs(|| Some(5432)).unwrap()[0];
    let proxy = SqlProxy::before(server);
    let mut tapped = url.clone();
    tapped.set_ip_host(proxy.address().ip()).unwrap();
    tapped.set_port(Some(proxy.address().port())).unwrap();
    let service = Launch::on(&database)
        .env("DOORWARD_DATABASE__URL", tapped.as_str())
        .env("DOORWARD_KEYS__MASTER_KEY", MASTER_KEY)
        .start();
    let mut user = service.new_user("grace");
    let before = proxy.statements();
    for _ in 0..REFRESHES {
        user.refresh();
    }
    let after = proxy.statements();
    // Periodic work, such as reading revocations, looking for jobs and rotating keys, does not touch sessions.
    let mut refreshes = Vec::new();
    for (place, all) in after.iter().enumerate() {
        let new = &all[before.get(place).map_or(0, Vec::len)..];
        // A transaction that only reads is rolled back.
        let transactions = new.split_inclusive(|sql| sql == "COMMIT" || sql == "ROLLBACK");
        refreshes.extend(transactions.filter(|sql| sql.iter().any(|sql| sql.contains("\"sessions\""))));
    }
    let statements: usize = refreshes.iter().map(|sql| sql.len()).sum();
    print_uncaptured(&format!(
        "torture, PostgreSQL, {REFRESHES} refreshes: {statements} statements, {} commits; the last: {:#?}",
        refreshes.len(),
        refreshes.last(),
    ));
    assert_eq!(refreshes.len(), REFRESHES);
    for statements in refreshes {
        let begin = statements
            .iter()
            .position(|sql| sql.starts_with("BEGIN"))
            .unwrap();
        // The setup of a new connection comes before.
        let verbs: Vec<_> = statements[begin..]
            .iter()
            .map(|sql| sql.split(' ').next().unwrap())
            .collect();
        assert_eq!(verbs, ["BEGIN", "SELECT", "UPDATE", "COMMIT"], "{statements:#?}");
        assert!(
            statements[..begin]
                .iter()
                .all(|sql| !sql.contains("\"sessions\""))
        );
    }
}

#[test]
fn a_refresh_on_sqlite_is_one_commit() {
    let database = Database::sqlite();
    let service = Launch::on(&database).start();
    let mut user = service.new_user("grace");
    let log = database.test_database().folder().unwrap().join("doorward.db-wal");
    let before = commits(&fs::read(&log).unwrap());
    for _ in 0..REFRESHES {
        user.refresh();
    }
    let after = fs::read(&log).unwrap();
    let commits = commits(&after) - before;
    print_uncaptured(&format!(
        "torture, SQLite, {REFRESHES} refreshes: {commits} commits in the write-ahead log",
    ));
    assert_eq!(commits, REFRESHES);
}

/// The number of commits in a write-ahead log (SQLite's documentation, "WAL File Format"): frames of the current
/// generation that contain the database size, which only the last frame of a transaction does.
fn commits(log: &[u8]) -> usize {
    let number = |bytes: &[u8]| u32::from_be_bytes(*bytes.first_chunk().unwrap());
    let (header, frames) = log.split_at(32);
    let page = usize::try_from(number(&header[8..])).unwrap();
    let salts = &header[16..24];
    frames
        .chunks_exact(24 + page)
        .take_while(|frame| frame[8..16] == *salts)
        .filter(|frame| number(&frame[4..]) != 0)
        .count()
}
