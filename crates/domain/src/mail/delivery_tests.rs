use proptest::prelude::*;

use crate::clock::ClockWatch;

use super::*;

const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
const LIFE: Duration = Duration::from_hours(24);

const NEW: Delivery = Delivery {
    state: DeliveryState::Queued,
    attempt: 0,
    expires_at: Timestamp::from_unix_seconds(1_700_086_400),
};

fn after(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn leased(attempt: u32) -> Delivery {
    Delivery {
        state: DeliveryState::Leased,
        attempt,
        ..NEW
    }
}

fn state(delivery: &Delivery, attempt: u32, event: DeliveryEvent, now: Timestamp) -> Option<DeliveryState> {
    decide(delivery, attempt, event, ClockReading::trusted(now)).map(|next| next.state)
}

#[test]
fn a_mail_is_leased_and_sent() {
    assert_eq!(NEW.expires_at, START + LIFE);
    assert_eq!(
        decide(&NEW, 1, DeliveryEvent::Due, ClockReading::trusted(START)),
        Some(leased(1))
    );
    assert_eq!(
        state(&leased(1), 1, DeliveryEvent::Delivered, after(1)),
        Some(DeliveryState::Sent(after(1)))
    );
}

#[test]
fn a_failure_queues_the_mail_again_while_there_is_time_for_another_attempt() {
    let retry = |attempt, now| state(&leased(attempt), attempt, DeliveryEvent::Retry, now);
    assert_eq!(retry(1, START), Some(DeliveryState::Queued));
    let last = START + LIFE - Duration::from_secs(31);
    assert_eq!(retry(1, last), Some(DeliveryState::Queued));
    let too_late = START + LIFE - Duration::from_secs(30);
    assert_eq!(retry(1, too_late), Some(DeliveryState::Dead(too_late)));
    // Later waits are longer.
    assert_eq!(retry(5, last), Some(DeliveryState::Dead(last)));
}

#[test]
fn a_refused_mail_is_dead_and_an_unwanted_one_is_dropped() {
    assert_eq!(
        state(&leased(3), 3, DeliveryEvent::Refused, after(1)),
        Some(DeliveryState::Dead(after(1)))
    );
    assert_eq!(
        state(&leased(3), 3, DeliveryEvent::Superseded, after(1)),
        Some(DeliveryState::Dropped(after(1)))
    );
}

#[test]
fn an_expired_mail_is_not_sent() {
    let expiry = START + LIFE;
    assert_eq!(
        state(&NEW, 1, DeliveryEvent::Due, expiry),
        Some(DeliveryState::Dead(expiry))
    );
    // Its acceptance is true even if it comes late.
    assert_eq!(
        state(&leased(1), 1, DeliveryEvent::Delivered, expiry),
        Some(DeliveryState::Sent(expiry))
    );
}

#[test]
fn a_mail_is_not_given_up_because_of_its_age_if_the_clock_was_moved() {
    let ahead = START + 365 * LIFE;
    let reading = ClockWatch::start(START, Duration::ZERO).observe(ahead, Duration::from_secs(1));
    assert_eq!(decide(&NEW, 1, DeliveryEvent::Due, reading), Some(leased(1)));
    let next = |event| decide(&leased(1), 1, event, reading).map(|next| next.state);
    assert_eq!(next(DeliveryEvent::Retry), Some(DeliveryState::Queued));
    assert_eq!(next(DeliveryEvent::Refused), Some(DeliveryState::Dead(ahead)));
}

#[test]
fn the_words_of_states_are_read_back() {
    for state in [
        DeliveryState::Queued,
        DeliveryState::Leased,
        DeliveryState::Sent(START),
        DeliveryState::Dead(START),
        DeliveryState::Dropped(START),
    ] {
        assert_eq!(
            DeliveryState::parse(state.as_str(), state.ended_at()),
            Some(state)
        );
        let other_end = if state.ended_at().is_some() {
            None
        } else {
            Some(START)
        };
        assert_eq!(DeliveryState::parse(state.as_str(), other_end), None);
    }
}

fn deliveries() -> impl Strategy<Value = Delivery> {
    let at = (0_u64..200_000).prop_map(after).boxed();
    let state = prop_oneof![
        Just(DeliveryState::Queued),
        Just(DeliveryState::Leased),
        at.clone().prop_map(DeliveryState::Sent),
        at.clone().prop_map(DeliveryState::Dead),
        at.clone().prop_map(DeliveryState::Dropped),
    ];
    (state, 0_u32..4, at).prop_map(|(state, attempt, expires_at)| Delivery {
        state,
        attempt,
        expires_at,
    })
}

fn events() -> impl Strategy<Value = DeliveryEvent> {
    prop_oneof![
        Just(DeliveryEvent::Due),
        Just(DeliveryEvent::Delivered),
        Just(DeliveryEvent::Retry),
        Just(DeliveryEvent::Refused),
        Just(DeliveryEvent::Superseded),
    ]
}

proptest! {
    #[test]
    fn nothing_leaves_an_end(delivery in deliveries(), attempt in 0_u32..5, event in events(), now in 0_u64..200_000) {
        prop_assume!(delivery.state.ended_at().is_some());
        prop_assert_eq!(decide(&delivery, attempt, event, ClockReading::trusted(after(now))), None);
    }

    #[test]
    fn an_attempt_that_was_overtaken_changes_nothing(
        delivery in deliveries(), behind in 1_u32..5, event in events(), now in 0_u64..200_000,
    ) {
        let attempt = delivery.attempt.saturating_sub(behind);
        prop_assume!(attempt < delivery.attempt);
        prop_assert_eq!(decide(&delivery, attempt, event, ClockReading::trusted(after(now))), None);
    }

    #[test]
    fn attempts_only_grow_and_each_is_sent_once(
        delivery in deliveries(), attempt in 0_u32..5, event in events(), now in 0_u64..200_000,
    ) {
        if let Some(next) = decide(&delivery, attempt, event, ClockReading::trusted(after(now))) {
            prop_assert!(next.attempt >= delivery.attempt);
            prop_assert_eq!(next.expires_at, delivery.expires_at);
            if next.state == DeliveryState::Leased {
                prop_assert_eq!(event, DeliveryEvent::Due);
                prop_assert!(next.attempt > delivery.attempt && after(now) < next.expires_at);
            }
            if let DeliveryState::Sent(at) = next.state {
                prop_assert_eq!((event, at), (DeliveryEvent::Delivered, after(now)));
            }
        }
    }
}
