use proptest::prelude::*;

use super::*;

/// At the beginning of an hour of the clock.
const START: Timestamp = Timestamp::from_unix_seconds(472_222 * 3600);
const DAY: Duration = Duration::from_hours(24);

fn record(failures: u32, today: u32) -> AttemptRecord {
    AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(today),
        last_at: START,
    }
}

/// Guesses as fast as the policy allows and says at which second each guess was made.
fn greedy(policy: &AttemptPolicy, guesses: usize) -> Vec<u64> {
    let (mut record, mut now, mut seconds) = (None, START, Vec::new());
    while seconds.len() < guesses {
        match policy.judge(record.as_ref(), now) {
            AttemptDecision::Allowed(counted) => {
                record = Some(counted);
                seconds.push(now.since(START).as_secs());
            }
            AttemptDecision::Wait { wait, .. } => now = now + wait,
        }
    }
    seconds
}

#[test]
fn five_are_free_then_the_wait_doubles_to_its_bound() {
    let seconds = greedy(&AttemptPolicy::default(), 13);
    let waits: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
}

#[test]
fn a_day_allows_no_more_than_its_bound() {
    let policy = AttemptPolicy {
        free: 1000,
        ..AttemptPolicy::default()
    };
    let seconds = greedy(&policy, 201);
    assert_eq!(seconds[99], 0);
    assert_eq!(seconds[100], 25 * 60 * 60);
    assert_eq!(seconds[200], 2 * 25 * 60 * 60);
}

#[test]
fn a_day_may_begin_at_any_time() {
    let policy = AttemptPolicy {
        free: 1000,
        ..AttemptPolicy::default()
    };
    let mut record = None;
    // One guess, then the rest of the bound 23 hours later: the day of the one is over soon, that of the others is not.
    for (hours, guesses) in [(0, 1), (23, 99), (25, 1)] {
        let now = START + Duration::from_hours(hours);
        for _ in 0..guesses {
            let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) else {
                panic!("refused at hour {hours}");
            };
            record = Some(counted);
        }
    }
    let now = START + Duration::from_hours(25);
    let AttemptDecision::Wait { wait, .. } = policy.judge(record.as_ref(), now) else {
        panic!("a guess too many");
    };
    assert_eq!(wait, Duration::from_hours(23));
}

#[test]
fn a_success_ends_the_wait_and_leaves_the_day_as_it_was() {
    let policy = AttemptPolicy::default();
    let later = START + Duration::from_mins(90);
    let AttemptDecision::Allowed(counted) = policy.judge(Some(&record(5, 60)), later) else {
        panic!("the wait is over");
    };
    let forgiven = counted.forgiven(later).expect("the day");
    assert_eq!((forgiven.failures, forgiven.recent.total()), (0, 60));
    // As many as the day has left, though the wait is forgiven each time.
    let (mut record, mut guesses) = (forgiven, 0);
    while let AttemptDecision::Allowed(counted) = policy.judge(Some(&record), later) {
        record = AttemptRecord {
            failures: 0,
            ..counted
        };
        guesses += 1;
    }
    assert_eq!(guesses, 40);
}

#[test]
fn a_first_guess_that_is_right_leaves_nothing_to_remember() {
    let AttemptDecision::Allowed(counted) = AttemptPolicy::default().judge(None, START) else {
        panic!("the first guess");
    };
    assert_eq!(counted.forgiven(START), None);
}

#[test]
fn a_clock_set_back_neither_frees_nor_locks_for_ever() {
    let earlier = START - Duration::from_hours(24 * 365);
    for (remembered, expected) in [
        (record(5, 5), Duration::from_secs(30)),
        (record(0, 100), Duration::from_hours(25)),
    ] {
        let policy = AttemptPolicy::default();
        let AttemptDecision::Wait {
            wait,
            correction: Some(corrected),
        } = policy.judge(Some(&remembered), earlier)
        else {
            panic!("a guess, or nothing to remember");
        };
        assert_eq!(wait, expected);
        assert_eq!(corrected.recent.total(), remembered.recent.total());
        assert!(matches!(
            policy.judge(Some(&corrected), earlier + wait),
            AttemptDecision::Allowed(_)
        ));
    }
}

#[test]
fn bytes_are_the_same_guesses() {
    let guesses = greedy_record(60).recent;
    assert_ne!(guesses, RecentAttempts::at_once(guesses.total()));
    assert_eq!(RecentAttempts::from_bytes(&guesses.to_bytes()), guesses);
    assert_eq!(
        &RecentAttempts::at_once(258).to_bytes()[..8],
        [0, 0, 1, 2, 0, 0, 0, 0]
    );
}

/// The record after so many guesses as fast as they are allowed.
fn greedy_record(guesses: u32) -> AttemptRecord {
    let policy = AttemptPolicy::default();
    let (mut record, mut now) = (None, START);
    for _ in 0..guesses {
        loop {
            match policy.judge(record.as_ref(), now) {
                AttemptDecision::Allowed(counted) => break record = Some(counted),
                AttemptDecision::Wait { wait, .. } => now = now + wait,
            }
        }
    }
    record.expect("a guess")
}

/// What happens to a record, and how many seconds after what happened before it.
#[derive(Debug, Clone, Copy)]
enum Step {
    Wrong(u64),
    Right(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Mostly in quick succession, and now and then after hours.
    let pause = prop_oneof![4 => 0_u64..120, 2 => 0_u64..5_000, 1 => 0_u64..100_000];
    let step = (pause, 0_u8..4).prop_map(|(pause, kind)| match kind {
        0 => Step::Right(pause),
        _ => Step::Wrong(pause),
    });
    proptest::collection::vec(step, 1..400)
}

proptest! {
    #[test]
    fn waiting_as_told_is_followed_by_a_guess(
        failures in 0_u32..500,
        counts in proptest::collection::vec(0_u32..60, 25),
        ago in 0_u64..200_000,
        daily in 1_u32..200,
    ) {
        let policy = AttemptPolicy { daily, ..AttemptPolicy::default() };
        let now = START + Duration::from_secs(1_000_000);
        let mut bytes = [0; RecentAttempts::BYTES];
        for (place, count) in bytes.chunks_exact_mut(4).zip(&counts) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        let record = AttemptRecord {
            failures,
            recent: RecentAttempts::from_bytes(&bytes),
            last_at: now - Duration::from_secs(ago),
        };
        if let AttemptDecision::Wait { wait, correction } = policy.judge(Some(&record), now) {
            prop_assert!(wait > Duration::ZERO && wait <= AttemptPolicy::MEMORY);
            prop_assert_eq!(correction, None);
            // Not a microsecond longer than is needed.
            let just_before = now + wait - Duration::from_micros(1);
            let is_refused = matches!(policy.judge(Some(&record), just_before), AttemptDecision::Wait { .. });
            prop_assert!(is_refused);
            prop_assert!(matches!(policy.judge(Some(&record), now + wait), AttemptDecision::Allowed(_)));
        }
    }

    #[test]
    fn no_24_hours_see_more_than_the_bound(free in 1_u32..20, daily in 1_u32..40, steps in steps()) {
        let policy = AttemptPolicy { free, daily, ..AttemptPolicy::default() };
        let (mut record, mut now, mut wrong) = (None, START, Vec::new());
        for step in steps {
            let (Step::Wrong(pause) | Step::Right(pause)) = step;
            now = now + Duration::from_secs(pause);
            if let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) {
                if matches!(step, Step::Right(_)) {
                    record = counted.forgiven(now);
                } else {
                    record = Some(counted);
                    wrong.push(now);
                }
            }
            let in_day = wrong.iter().filter(|at| now.since(**at) < DAY).count();
            prop_assert!(in_day <= usize::try_from(daily).unwrap());
        }
    }

    #[test]
    fn a_success_takes_back_its_own_count_and_no_other(steps in steps(), verifying in 0_u64..7_200) {
        let policy = AttemptPolicy { free: 1000, daily: 1000, ..AttemptPolicy::default() };
        let (mut record, mut now) = (None, START);
        for step in steps {
            let (Step::Wrong(pause) | Step::Right(pause)) = step;
            now = now + Duration::from_secs(pause);
            let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) else { continue };
            record = Some(counted);
            if matches!(step, Step::Right(_)) {
                // Another guess is counted while this one is being verified.
                let begun = now;
                now = now + Duration::from_secs(verifying);
                if let AttemptDecision::Allowed(other) = policy.judge(Some(&counted), now) {
                    let forgiven = other.forgiven(begun).expect("the other guess");
                    prop_assert_eq!(forgiven.recent.total(), other.recent.total() - 1);
                    prop_assert_eq!(forgiven.failures, 0);
                    record = Some(forgiven);
                }
            }
        }
    }

    #[test]
    fn a_clock_set_back_loses_no_guess_and_adds_none(
        guesses in 1_u32..100,
        back in 0_u64..1_000_000,
    ) {
        let policy = AttemptPolicy { free: 1, ..AttemptPolicy::default() };
        let record = greedy_record(guesses);
        let now = record.last_at - Duration::from_secs(back);
        if let AttemptDecision::Wait { wait, correction } = policy.judge(Some(&record), now) {
            let remembered = correction.unwrap_or(record);
            prop_assert_eq!(remembered.failures, record.failures);
            prop_assert!(remembered.recent.total() <= record.recent.total());
            prop_assert!(remembered.recent.seen_at(remembered.last_at, now).total() == record.recent.total());
            prop_assert!(wait <= AttemptPolicy::MEMORY);
            prop_assert!(matches!(policy.judge(Some(&remembered), now + wait), AttemptDecision::Allowed(_)));
        }
    }
}
