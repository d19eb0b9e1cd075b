//! Audit events are read back unchanged, at the extremes of every field.

use std::collections::BTreeMap;

use doorward_domain::audit::EventFilter;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::id::RequestId;

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::{TIMES, addresses, awkward_texts, user_agents};
use crate::sample;

/// Events of every kind, with all optional fields or none, are read back unchanged.
pub fn events_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let mut events = Vec::new();
    for (number, kind) in (0..).zip(EventKind::ALL) {
        events.push(Event {
            kind: *kind,
            ..sample::event(number)
        });
    }
    let mut add = |event: &dyn Fn(Event) -> Event| {
        let number = u32::try_from(events.len()).expect("few events");
        events.push(event(sample::event(number)));
    };
    add(&|event| Event {
        outcome: EventOutcome::Failure,
        ..event
    });
    let (user, actor) = (sample::user(1).id, sample::user(2).id);
    add(&|event| event.of(user).by(actor).in_session(sample::session(1, user).id));
    let (service, other) = (sample::service(1), sample::service(2));
    add(&|event| event.of(service.clone()).by(other.clone()));
    add(&|event| event.of(user).by(service.clone()));
    add(&|event| event.of(service.clone()).by(actor));
    add(&|event| event.by(service.clone()));
    for at in TIMES {
        add(&|event| Event { at, ..event });
    }
    for ip in addresses() {
        add(&|event| Event { ip, ..event });
    }
    for user_agent in user_agents() {
        add(&|event| Event {
            user_agent: user_agent.clone(),
            ..event
        });
    }
    for byte in [0x00, 0x7f, 0x80, 0xff] {
        add(&|event| Event {
            request_id: RequestId::from_bytes([byte; 16]),
            ..event
        });
    }
    for text in awkward_texts() {
        add(&|event| {
            event
                .with(&text, text.clone())
                .with("reason", text.clone())
                .with("lines", "a\r\n\tb")
        });
    }
    let many = (0..100).map(|number| (format!("name-{number}"), "x".repeat(number)));
    let many: BTreeMap<String, String> = many.collect();
    add(&|event| Event {
        detail: many.clone(),
        ..event
    });

    store.write(|r| events.iter().try_for_each(|event| r.events().append(event)));
    let log = store.log();
    assert_eq!(log.len(), events.len());
    for (found, event) in log.iter().zip(&events) {
        assert_eq!(found, event);
    }
    let limit = u32::try_from(events.len()).expect("few events");
    let mut page = store.read(|r| r.events().page(&EventFilter::default(), None, limit));
    page.reverse();
    assert_eq!(page, events);
}
