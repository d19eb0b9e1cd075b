//! The contract of `RevocationLog`.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;

use doorward_domain::id::SessionId;
use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::token::{LogPage, LogPosition, Revocation, Revoked};

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{MOMENT, THREADS, race};
use crate::sample::{self, START};

fn session(number: u8) -> Revoked {
    Revoked::Session(SessionId::from_bytes([number; 16]))
}

fn after(store: &dyn StoreUnderTest, position: &LogPosition) -> LogPage {
    store.read(|r| r.revocations().after(position, 1000))
}

fn revoked(entries: &[Revocation]) -> Vec<Revoked> {
    entries.iter().map(|entry| entry.revoked.clone()).collect()
}

/// A reader as instances are: it continues after each page.
#[derive(Default)]
struct Reader {
    position: LogPosition,
    seen: BTreeSet<String>,
}

impl Reader {
    fn read(&mut self, store: &dyn StoreUnderTest) {
        let page = after(store, &self.position);
        assert!(self.position.is_continued_by(&page), "another log");
        let entries = page.entries.iter();
        self.seen
            .extend(entries.map(|entry| format!("{:?}", entry.revoked)));
        self.position = self.position.after(&page);
    }

    fn has_seen(&self, revoked: &Revoked) -> bool {
        self.seen.contains(&format!("{revoked:?}"))
    }
}

/// Sessions, and users and services with any version, are read back in the order of their transactions.
pub fn revocations_are_read_back_in_order(store: &dyn StoreUnderTest) {
    let user = |version| Revoked::Subject {
        subject: sample::user(1).id.into(),
        lowest_version: SubjectVersion::new(version),
    };
    let service = |version| Revoked::Subject {
        subject: sample::service(1).into(),
        lowest_version: SubjectVersion::new(version),
    };
    let written = [
        session(1),
        user(0),
        user(u32::MAX),
        service(0),
        service(u32::MAX),
        session(1),
        session(0xff),
    ];
    for revoked in &written {
        store.write(|r| r.revocations().append(core::slice::from_ref(revoked), START));
    }
    let found = after(store, &LogPosition::start()).entries;
    assert_eq!(revoked(&found), written);
    assert!(found.iter().all(|entry| entry.at == START));
    assert!(
        found
            .windows(2)
            .all(|pair| pair[0].transaction < pair[1].transaction)
    );
}

/// A reader that continues where it stopped sees new entries, in bounded pages, and the last transaction again.
pub fn a_reader_continues_where_it_stopped(store: &dyn StoreUnderTest) {
    for number in 1..=3 {
        store.write(|r| r.revocations().append(&[session(number)], START));
    }
    let first = store.read(|r| r.revocations().after(&LogPosition::start(), 2));
    assert_eq!(revoked(&first.entries), [session(1), session(2)]);
    let position = LogPosition::start().after(&first);
    let rest = after(store, &position);
    assert_eq!(revoked(&rest.entries), [session(2), session(3)]);
    assert!(position.is_continued_by(&rest));
    let position = position.after(&rest);
    assert_eq!(revoked(&after(store, &position).entries), [session(3)]);
}

/// An entry of a rolled-back transaction is never listed.
pub fn a_rolled_back_revocation_is_not_listed(store: &dyn StoreUnderTest) {
    let broken: Result<(), StoreError> = store.store().transaction(|r| {
        r.revocations().append(&[session(1)], START)?;
        Err(StoreError::Unavailable("planted".to_owned()))
    });
    assert!(broken.is_err());
    store.write(|r| r.revocations().append(&[session(2)], START));
    let entries = after(store, &LogPosition::start()).entries;
    assert_eq!(revoked(&entries), [session(2)]);
}

/// The end of a session, its revocation and its event are one change, made once.
pub fn ending_a_session_revokes_and_records_it_once(store: &dyn StoreUnderTest) {
    let session = sample::session(1, store.keep_user(1).id);
    store.keep_session(&session);
    let (first, second) = (sample::event(1), sample::event(2));
    let end = |id, event| store.write(|r| r.revocations().end_session(id, EndReason::LoggedOut, event));
    assert!(end(session.id, &first));
    assert!(!end(session.id, &second));
    assert!(!end(SessionId::from_bytes([9; 16]), &second));
    let entries = after(store, &LogPosition::start()).entries;
    assert_eq!(revoked(&entries), [Revoked::Session(session.id)]);
    assert_eq!(entries[0].at, first.at);
    assert_eq!(store.log(), [first]);
}

/// A transaction that wrote before another one and commits after it is read after it.
pub fn a_transaction_that_commits_late_is_not_missed(store: &dyn StoreUnderTest) {
    let (wrote, has_written) = mpsc::channel();
    let (read, has_read) = mpsc::channel::<()>();
    let mut reader = Reader::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            let (wrote, has_read) = (wrote, has_read);
            store.write(|r| {
                r.revocations().append(&[session(1)], START)?;
                wrote.send(()).expect("a receiver");
                // A store with one writer makes the other transaction wait for this one.
                let _ = has_read.recv_timeout(MOMENT * 50);
                Ok(())
            });
        });
        has_written.recv().expect("a writer");
        store.write(|r| r.revocations().append(&[session(2)], START));
        reader.read(store);
        assert!(reader.has_seen(&session(2)));
        // The writer may have given up waiting.
        let _ = read.send(());
    });
    store.write(|r| r.revocations().append(&[session(3)], START));
    reader.read(store);
    assert!((1..=3).all(|number| reader.has_seen(&session(number))));
}

/// A reader that continues where it stopped misses no entry, however writers overlap.
pub fn a_reader_misses_no_revocation_however_writers_overlap(store: &dyn StoreUnderTest) {
    const WRITERS: usize = THREADS - 1;
    const EACH: u8 = 20;
    let writing = AtomicUsize::new(WRITERS);
    let seen = race(THREADS, |number| {
        if number < WRITERS {
            for entry in 0..EACH {
                let mut id = [entry; 16];
                id[0] = u8::try_from(number).expect("few writers");
                store.write(|r| {
                    r.revocations()
                        .append(&[Revoked::Session(SessionId::from_bytes(id))], START)?;
                    // Transactions end in another order than they began.
                    thread::sleep(MOMENT * u32::from(id[0] % 3) / 4);
                    Ok(())
                });
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            return 0;
        }
        let mut reader = Reader::default();
        loop {
            // Checked before reading: a read that starts after the last writer has ended returns everything.
            let is_last = writing.load(Ordering::SeqCst) == 0;
            reader.read(store);
            if is_last {
                return reader.seen.len();
            }
        }
    });
    assert_eq!(
        seen[WRITERS],
        WRITERS * usize::from(EACH),
        "entries that the reader came across"
    );
}

/// After a loss of the last entries, as in a restored database, their place is not taken for what was there.
pub fn a_reader_notices_that_the_last_entries_were_lost(store: &dyn StoreUnderTest) {
    store.write(|r| r.revocations().append(&[session(1)], START));
    let mut reader = Reader::default();
    reader.read(store);
    store.write(|r| r.revocations().delete_expired(sample::after(1), 10));
    assert!(!reader.position.is_continued_by(&after(store, &reader.position)));
    store.write(|r| r.revocations().append(&[session(2)], START));
    assert!(!reader.position.is_continued_by(&after(store, &reader.position)));
}
