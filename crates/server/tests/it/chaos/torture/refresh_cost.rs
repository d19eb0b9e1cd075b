//! The database cost of a refresh, counted on the wire and in the write-ahead log.

use std::fs;

use crate::harness::database::{Database, MASTER_KEY};
use crate::harness::measure::print_uncaptured;
use crate::harness::service::Launch;

use super::sql_proxy::SqlProxy;

const REFRESHES: usize = 40;

#[test]
fn a_refresh_on_postgres_is_two_statements_without_a_transaction() {
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
    let mut verbs = Vec::new();
    for (place, all) in after.iter().enumerate() {
        let mut is_in_transaction = false;
        for sql in &all[before.get(place).map_or(0, Vec::len)..] {
            is_in_transaction |= sql.starts_with("BEGIN");
            is_in_transaction &= sql != "COMMIT" && sql != "ROLLBACK";
            // Periodic work, such as reading revocations, looking for jobs and rotating keys, does not touch sessions.
            if sql.contains("\"sessions\"") || sql.starts_with("UPDATE sessions") {
                assert!(!is_in_transaction, "{sql}");
                verbs.push(sql.split(' ').next().unwrap().to_owned());
            }
        }
    }
    print_uncaptured(&format!(
        "torture, PostgreSQL, {REFRESHES} refreshes: {} statements, each its own commit",
        verbs.len(),
    ));
    let count = |verb: &str| verbs.iter().filter(|one| *one == verb).count();
    assert_eq!(
        (count("SELECT"), count("UPDATE"), verbs.len()),
        (REFRESHES, REFRESHES, 2 * REFRESHES)
    );
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
