//! Pages of the audit log.

use core::time::Duration;

use doorward_domain::audit::EventFilter;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::id::{EventId, UserId};
use doorward_domain::subject::Subject;

use crate::SeededEntropy;
use crate::contract::StoreUnderTest;
use crate::sample::{self, START};

/// The number of events in a long log.
const LONG: u32 = 300;

const EVERYTHING: EventFilter = EventFilter {
    user_id: None,
    kind: None,
};

fn user(number: u32) -> UserId {
    sample::user(number).id
}

/// Hundreds of events ordered by id: of several kinds, of several users, of a service and of none, each with an actor
/// that differs from its subject.
fn long_log() -> Vec<Event> {
    let event = |number: u32| {
        let event = Event {
            kind: EventKind::ALL[(number % 4) as usize],
            outcome: if number.is_multiple_of(5) {
                EventOutcome::Failure
            } else {
                EventOutcome::Success
            },
            ..sample::event(number)
        };
        match number % 5 {
            0 => event.by(user(1)),
            3 => event.of(sample::service(1)).by(user(1)),
            4 => event.of(user(1)).by(sample::service(1)),
            of => event.of(user(of)).by(user(of + 1)),
        }
    };
    (0..LONG).map(event).collect()
}

/// Appends events in an order unrelated to their ids, as long transactions do.
fn append_shuffled(store: &dyn StoreUnderTest, events: &[Event]) {
    let mut shuffled: Vec<&Event> = events.iter().collect();
    shuffled.sort_by_key(|event| event.id.as_bytes()[3].wrapping_mul(151));
    store.write(|r| shuffled.iter().try_for_each(|event| r.events().append(event)));
}

fn page(store: &dyn StoreUnderTest, filter: &EventFilter, before: Option<EventId>, limit: u32) -> Vec<Event> {
    store.read(|r| r.events().page(filter, before, limit))
}

/// Asserts that the pages together are exactly `expected`, which is ordered from oldest to newest, and all but the last
/// one are full.
fn assert_pages(store: &dyn StoreUnderTest, filter: &EventFilter, limit: u32, expected: &[Event]) {
    let newest_first: Vec<Event> = expected.iter().rev().cloned().collect();
    let mut before = None;
    for chunk in newest_first.chunks(usize::try_from(limit).expect("a small limit")) {
        let page = page(store, filter, before, limit);
        assert_eq!(page, chunk, "{filter:?}, before {before:?}, limit {limit}");
        before = page.last().map(|event| event.id);
    }
    assert_eq!(
        page(store, filter, before, limit),
        [],
        "nothing comes after the last page"
    );
}

/// The pages contain every event exactly once, newest first, and no more than `limit` each; a cursor before all events,
/// or of a missing event, is valid.
pub fn event_pages_list_every_event_once_newest_first(store: &dyn StoreUnderTest) {
    assert_eq!(page(store, &EVERYTHING, None, 10), []);
    let log = long_log();
    append_shuffled(store, &log);
    for limit in [7, 100, LONG, 1000] {
        assert_pages(store, &EVERYTHING, limit, &log);
    }
    let first = EventId::from_bytes([0x00; 16]);
    assert_eq!(page(store, &EVERYTHING, Some(first), 10), []);
    let last = EventId::from_bytes([0xff; 16]);
    assert_eq!(page(store, &EVERYTHING, Some(last), 1), log[log.len() - 1..]);
}

/// Filtered pages contain exactly the events that satisfy all conditions. The subject of an event is not its actor.
pub fn event_pages_are_filtered_by_every_condition(store: &dyn StoreUnderTest) {
    let log = long_log();
    append_shuffled(store, &log);
    for user_id in [None, Some(user(1)), Some(user(2)), Some(user(3)), Some(user(9))] {
        let kinds = EventKind::ALL.iter().take(5).copied().map(Some);
        for kind in kinds.chain([None]) {
            let is_meant = |event: &&Event| {
                (user_id.is_none() || event.subject.as_ref().and_then(Subject::user_id) == user_id)
                    && kind.is_none_or(|kind| event.kind == kind)
            };
            let expected: Vec<Event> = log.iter().filter(is_meant).cloned().collect();
            assert_pages(store, &EventFilter { user_id, kind }, 11, &expected);
        }
    }
}

/// Events of the same instant are ordered by id, and a page may end between two of them.
pub fn event_pages_split_events_of_one_instant(store: &dyn StoreUnderTest) {
    let entropy = SeededEntropy::new(7);
    let mut events: Vec<Event> = (0..40)
        .map(|number| Event {
            id: EventId::generate(START, &entropy),
            at: START,
            ..sample::event(number)
        })
        .collect();
    append_shuffled(store, &events);
    events.sort_by_key(|event| event.id);
    for limit in [1, 3, 40] {
        assert_pages(store, &EVERYTHING, limit, &events);
    }
}

/// Ids are ordered by their bytes, as unsigned numbers.
pub fn event_pages_order_ids_by_their_bytes(store: &dyn StoreUnderTest) {
    let numbers = [
        0,
        9,
        10,
        0x7fff_ffff,
        0x8000_0000,
        0x9fff_ffff,
        0xa000_0000,
        u32::MAX,
    ];
    let events = numbers.map(sample::event);
    append_shuffled(store, &events);
    assert_pages(store, &EVERYTHING, 3, &events);
}

/// A cursor stays valid while events are appended and deleted, including the one it refers to.
pub fn an_event_cursor_survives_insertions_and_deletions(store: &dyn StoreUnderTest) {
    let entropy = SeededEntropy::new(11);
    let event = |second: u64| {
        let at = START + Duration::from_secs(second);
        Event {
            id: EventId::generate(at, &entropy),
            at,
            ..sample::event(0)
        }
    };
    let log: Vec<Event> = (1..=6).map(event).collect();
    append_shuffled(store, &log);
    let first = page(store, &EVERYTHING, None, 2);
    assert_eq!(first, [log[5].clone(), log[4].clone()]);
    let cursor = first.last().map(|event| event.id);

    store.write(|r| r.events().append(&event(7)));
    assert_eq!(
        page(store, &EVERYTHING, cursor, 2),
        [log[3].clone(), log[2].clone()]
    );
    store.write(|r| {
        r.events()
            .delete_expired(START + Duration::from_millis(2_500), 100)
    });
    assert_eq!(
        page(store, &EVERYTHING, cursor, 9),
        [log[3].clone(), log[2].clone()]
    );
    store.write(|r| r.events().delete_expired(START + Duration::from_mins(1), 100));
    assert_eq!(page(store, &EVERYTHING, cursor, 9), []);
}
