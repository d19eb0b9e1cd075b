//! The contract of `RevocationLog`.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use doorward_domain::id::SessionId;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::token::{Revocation, Revoked};

use crate::contract::StoreUnderTest;
use crate::contract::store::threads::{MOMENT, THREADS, assert_exclusive, race};
use crate::sample::{self, START};

fn session(number: u8) -> Revoked {
    Revoked::Session(SessionId::from_bytes([number; 16]))
}

fn after(store: &dyn StoreUnderTest, number: u64) -> Vec<Revocation> {
    store.read(|r| r.revocations().after(number, 1000))
}

fn revoked(entries: &[Revocation]) -> Vec<Revoked> {
    entries.iter().map(|entry| entry.revoked.clone()).collect()
}

/// Sessions, and users and services with any version, are read back in the order of writing.
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
    store.write(|r| r.revocations().append(&written, START));
    let found = after(store, 0);
    assert_eq!(revoked(&found), written);
    assert!(found.iter().all(|entry| entry.at == START));
    assert!(found.windows(2).all(|pair| pair[0].number < pair[1].number));
}

/// Reading after the greatest number seen returns new entries, in bounded pages, and none twice.
pub fn a_reader_continues_after_the_last_number_seen(store: &dyn StoreUnderTest) {
    store.write(|r| {
        r.revocations()
            .append(&[session(1), session(2), session(3)], START)
    });
    let first = store.read(|r| r.revocations().after(0, 2));
    assert_eq!(first.len(), 2);
    let seen = first.last().expect("two entries").number;
    let rest = after(store, seen);
    assert_eq!(revoked(&rest), [session(3)]);
    assert_eq!(after(store, rest[0].number), []);
    assert_eq!(after(store, u64::MAX), []);
}

/// An entry of a rolled-back transaction is never listed.
pub fn a_rolled_back_revocation_is_not_listed(store: &dyn StoreUnderTest) {
    let broken: Result<(), StoreError> = store.store().transaction(|r| {
        r.revocations().append(&[session(1)], START)?;
        Err(StoreError::Unavailable("planted".to_owned()))
    });
    assert!(broken.is_err());
    store.write(|r| r.revocations().append(&[session(2)], START));
    assert_eq!(revoked(&after(store, 0)), [session(2)]);
}

/// A transaction that appends to the log excludes others that do.
pub fn revocations_are_appended_by_one_transaction_at_a_time(store: &dyn StoreUnderTest) {
    assert_exclusive(store, |r| r.revocations().append(&[session(1)], START));
}

/// A reader that continues after the greatest number seen misses no entry, however writers overlap.
pub fn no_revocation_appears_before_one_already_seen(store: &dyn StoreUnderTest) {
    const WRITERS: usize = THREADS - 1;
    const EACH: usize = 10;
    let writing = AtomicUsize::new(WRITERS);
    let followed = race(THREADS, |number| {
        if number < WRITERS {
            for _ in 0..EACH {
                store.write(|r| {
                    r.revocations().append(&[session(1)], START)?;
                    thread::sleep(MOMENT / 4);
                    Ok(())
                });
            }
            writing.fetch_sub(1, Ordering::SeqCst);
            return 0;
        }
        let (mut count, mut latest) = (0, 0);
        loop {
            // Checked before reading: a read that starts after the last writer has ended returns everything.
            let is_last = writing.load(Ordering::SeqCst) == 0;
            let new = after(store, latest);
            count += new.len();
            latest = new.last().map_or(latest, |entry| entry.number);
            if is_last {
                return count;
            }
        }
    });
    assert_eq!(
        followed[WRITERS],
        WRITERS * EACH,
        "entries that the reader came across"
    );
}
