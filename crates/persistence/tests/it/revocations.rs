//! The log of revocations on PostgreSQL: beside instances of the last release, after a failover, and from a dump.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use doorward_domain::id::SessionId;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreResult;
use doorward_domain::token::{LogPage, LogPosition, Revoked};
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, migrate};
use doorward_testkit::sample::START;

fn append(store: &Database, id: [u8; 16]) {
    let revoked = [Revoked::Session(SessionId::from_bytes(id))];
    store
        .transaction(|r| -> StoreResult<()> { r.revocations().append(&revoked, START) })
        .expect("a revocation");
}

fn after(store: &Database, position: &LogPosition) -> LogPage {
    store
        .snapshot(|r| -> StoreResult<_> { r.revocations().after(position, 1000) })
        .expect("the log")
}

#[derive(QueryableByName)]
struct Entry {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    session_id: String,
}

/// Reads as the last release does: entries with a number greater than the last one seen.
fn read_as_last_release(connection: &mut PgConnection, latest: &mut i64, seen: &mut BTreeSet<String>) {
    let sql = "SELECT number, session_id FROM revocations WHERE number > $1 ORDER BY number LIMIT 1000";
    let entries: Vec<Entry> = diesel::sql_query(sql)
        .bind::<BigInt, _>(*latest)
        .load(connection)
        .expect("entries");
    for entry in entries {
        *latest = entry.number;
        seen.insert(entry.session_id);
    }
}

/// Writes as the last release does: under a lock, without the column that it does not know.
fn write_as_last_release(connection: &mut PgConnection, id: &str) {
    let sql = format!(
        "BEGIN; SELECT pg_advisory_xact_lock(1146048338, 3); \
         INSERT INTO revocations (at, session_id) VALUES (1, '{id}'); SELECT pg_sleep(0.001); COMMIT"
    );
    connection.batch_execute(&sql).expect("a revocation");
}

#[test]
fn instances_of_the_last_release_and_of_this_one_see_every_revocation() {
    const WRITERS: u8 = 4;
    const EACH: u8 = 40;
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = database.open();
    let connect = || PgConnection::establish(database.url()).expect("a connection");
    let is_done = AtomicBool::new(false);
    let id = |writer: u8, number: u8| {
        let mut id = [number; 16];
        id[0] = writer;
        id
    };
    let (old, new) = thread::scope(|scope| {
        let old = scope.spawn(|| {
            let (mut connection, mut latest, mut seen) = (connect(), 0, BTreeSet::new());
            loop {
                let is_last = is_done.load(Ordering::SeqCst);
                if is_last {
                    store.number_revocations().expect("numbers");
                }
                read_as_last_release(&mut connection, &mut latest, &mut seen);
                if is_last {
                    return seen;
                }
            }
        });
        let new = scope.spawn(|| {
            let (mut position, mut seen) = (LogPosition::start(), BTreeSet::new());
            loop {
                let is_last = is_done.load(Ordering::SeqCst);
                store.number_revocations().expect("numbers");
                let page = after(&store, &position);
                assert!(position.is_continued_by(&page));
                position = position.after(&page);
                seen.extend(page.entries.iter().filter_map(|entry| match &entry.revoked {
                    Revoked::Session(id) => Some(id.to_string()),
                    Revoked::Subject { .. } => None,
                }));
                if is_last {
                    return seen;
                }
            }
        });
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, connect) = (&store, &connect);
                scope.spawn(move || {
                    let mut connection = connect();
                    for number in 0..EACH {
                        if writer % 2 == 0 {
                            append(store, id(writer, number));
                        } else {
                            let id = SessionId::from_bytes(id(writer, number)).to_string();
                            write_as_last_release(&mut connection, &id);
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        is_done.store(true, Ordering::SeqCst);
        (old.join().expect("a reader"), new.join().expect("a reader"))
    });
    let all = usize::from(WRITERS) * usize::from(EACH);
    assert_eq!((old.len(), new.len()), (all, all));
}

/// The standby lacks the last entry, and assigns its transaction and number to another one.
#[test]
fn a_reader_notices_a_failover_that_lost_the_last_entry() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = database.open();
    append(&store, [1; 16]);
    append(&store, [2; 16]);
    let page = after(&store, &LogPosition::start());
    let position = LogPosition::start().after(&page);
    assert!(position.is_continued_by(&after(&store, &position)));
    let other = SessionId::from_bytes([3; 16]);
    database.execute(&format!(
        "UPDATE revocations SET session_id = '{other}' WHERE transaction_id = {}",
        position.latest()
    ));
    assert!(!position.is_continued_by(&after(&store, &position)));
}

/// The ids of transactions begin anew in another server.
#[test]
fn revocations_are_seen_after_a_dump_was_restored_into_a_new_server() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let store = database.open();
    append(&store, [1; 16]);
    append(&store, [2; 16]);
    let before = after(&store, &LogPosition::start());
    let seen = LogPosition::start().after(&before);
    database.execute("UPDATE revocations SET transaction_id = transaction_id + 1000000");
    // Running instances notice it, and see what is revoked now.
    assert!(!seen.is_continued_by(&after(&store, &seen)));
    let copied = after(&store, &LogPosition::start());
    let position = LogPosition::start().after(&copied);
    assert!(
        copied
            .entries
            .iter()
            .all(|entry| entry.transaction >= copied.horizon)
    );
    append(&store, [3; 16]);
    let page = after(&store, &position);
    let new = Revoked::Session(SessionId::from_bytes([3; 16]));
    assert!(page.entries.iter().any(|entry| entry.revoked == new));
    // The next start gives the entries ids of this server.
    migrate(&database.parsed_url()).expect("a start");
    let page = after(&store, &LogPosition::start());
    assert_eq!(page.entries.len(), 3);
    assert!(page.entries.iter().all(|entry| entry.transaction < page.horizon));
}
