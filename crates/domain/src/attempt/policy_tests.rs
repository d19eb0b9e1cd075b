use proptest::prelude::*;

use super::*;

/// The start of an hour since the epoch.
const START: Timestamp = Timestamp::from_unix_seconds(472_222 * 3600);
const DAY: Duration = Duration::from_hours(24);

fn record(failures: u32, today: u32) -> AttemptRecord {
    AttemptRecord {
        failures,
        recent: RecentAttempts::at_once(today),
        last_at: START,
    }
}

/// Makes attempts as fast as the policy allows, and returns the second at which each was made.
fn greedy(policy: &AttemptPolicy, attempts: usize) -> Vec<u64> {
    let (mut record, mut now, mut seconds) = (None, START, Vec::new());
    while seconds.len() < attempts {
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
fn five_attempts_are_free_then_the_wait_doubles_up_to_its_bound() {
    let seconds = greedy(&AttemptPolicy::default(), 13);
    let waits: Vec<u64> = seconds.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
}

#[test]
fn attempts_in_24_hours_are_bounded() {
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
fn the_daily_bound_holds_for_every_window_of_24_hours() {
    let policy = AttemptPolicy {
        free: 1000,
        ..AttemptPolicy::default()
    };
    let mut record = None;
    // One attempt, then the rest of the bound 23 hours later: after 25 hours only the first one no longer counts.
    for (hours, attempts) in [(0, 1), (23, 99), (25, 1)] {
        let now = START + Duration::from_hours(hours);
        for _ in 0..attempts {
            let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) else {
                panic!("refused at hour {hours}");
            };
            record = Some(counted);
        }
    }
    let now = START + Duration::from_hours(25);
    let AttemptDecision::Wait { wait, .. } = policy.judge(record.as_ref(), now) else {
        panic!("an attempt too many");
    };
    assert_eq!(wait, Duration::from_hours(23));
}

#[test]
fn a_success_ends_the_wait_and_leaves_the_other_attempts_of_the_day_counted() {
    let policy = AttemptPolicy::default();
    let later = START + Duration::from_mins(90);
    let AttemptDecision::Allowed(counted) = policy.judge(Some(&record(5, 60)), later) else {
        panic!("the wait is over");
    };
    let forgiven = counted.forgiven(later).expect("the day");
    assert_eq!((forgiven.failures, forgiven.recent.total()), (0, 60));
    // As many as the daily bound still allows, although each of them resets the wait.
    let (mut record, mut attempts) = (forgiven, 0);
    while let AttemptDecision::Allowed(counted) = policy.judge(Some(&record), later) {
        record = AttemptRecord {
            failures: 0,
            ..counted
        };
        attempts += 1;
    }
    assert_eq!(attempts, 40);
}

#[test]
fn a_successful_first_attempt_leaves_no_record() {
    let AttemptDecision::Allowed(counted) = AttemptPolicy::default().judge(None, START) else {
        panic!("the first attempt");
    };
    assert_eq!(counted.forgiven(START), None);
}

#[test]
fn a_clock_set_back_neither_lifts_nor_prolongs_the_wait() {
    let earlier = START - Duration::from_hours(24 * 365);
    for (stored, expected) in [
        (record(5, 5), Duration::from_secs(30)),
        (record(0, 100), Duration::from_hours(25)),
    ] {
        let policy = AttemptPolicy::default();
        let AttemptDecision::Wait {
            wait,
            correction: Some(corrected),
        } = policy.judge(Some(&stored), earlier)
        else {
            panic!("allowed, or no correction");
        };
        assert_eq!(wait, expected);
        assert_eq!(corrected.recent.total(), stored.recent.total());
        assert!(matches!(
            policy.judge(Some(&corrected), earlier + wait),
            AttemptDecision::Allowed(_)
        ));
    }
}

#[test]
fn recent_attempts_are_read_back_from_their_bytes() {
    let attempts = greedy_record(60).recent;
    assert_ne!(attempts, RecentAttempts::at_once(attempts.total()));
    assert_eq!(RecentAttempts::from_bytes(&attempts.to_bytes()), attempts);
    assert_eq!(
        &RecentAttempts::at_once(258).to_bytes()[..8],
        [0, 0, 1, 2, 0, 0, 0, 0]
    );
}

/// The record after this many failed attempts, each made as soon as it is allowed.
fn greedy_record(attempts: u32) -> AttemptRecord {
    let policy = AttemptPolicy::default();
    let (mut record, mut now) = (None, START);
    for _ in 0..attempts {
        loop {
            match policy.judge(record.as_ref(), now) {
                AttemptDecision::Allowed(counted) => break record = Some(counted),
                AttemptDecision::Wait { wait, .. } => now = now + wait,
            }
        }
    }
    record.expect("an attempt")
}

/// The result of an attempt, and the seconds since the one before.
#[derive(Debug, Clone, Copy)]
enum TimedAttempt {
    Wrong(u64),
    Right(u64),
}

fn steps() -> impl Strategy<Value = Vec<TimedAttempt>> {
    // Mostly within seconds, sometimes after hours.
    let pause = prop_oneof![4 => 0_u64..120, 2 => 0_u64..5_000, 1 => 0_u64..100_000];
    let step = (pause, 0_u8..4).prop_map(|(pause, kind)| match kind {
        0 => TimedAttempt::Right(pause),
        _ => TimedAttempt::Wrong(pause),
    });
    proptest::collection::vec(step, 1..400)
}

proptest! {
    #[test]
    fn an_attempt_after_the_returned_wait_is_allowed(
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
            // The wait is no longer than necessary.
            let just_before = now + wait - Duration::from_micros(1);
            let is_refused = matches!(policy.judge(Some(&record), just_before), AttemptDecision::Wait { .. });
            prop_assert!(is_refused);
            prop_assert!(matches!(policy.judge(Some(&record), now + wait), AttemptDecision::Allowed(_)));
        }
    }

    #[test]
    fn no_24_hours_have_more_failed_attempts_than_the_bound(free in 1_u32..20, daily in 1_u32..40, steps in steps()) {
        let policy = AttemptPolicy { free, daily, ..AttemptPolicy::default() };
        let (mut record, mut now, mut wrong) = (None, START, Vec::new());
        for step in steps {
            let (TimedAttempt::Wrong(pause) | TimedAttempt::Right(pause)) = step;
            now = now + Duration::from_secs(pause);
            if let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) {
                if matches!(step, TimedAttempt::Right(_)) {
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
    fn a_success_uncounts_its_own_attempt_and_no_other(steps in steps(), verifying in 0_u64..7_200) {
        let policy = AttemptPolicy { free: 1000, daily: 1000, ..AttemptPolicy::default() };
        let (mut record, mut now) = (None, START);
        for step in steps {
            let (TimedAttempt::Wrong(pause) | TimedAttempt::Right(pause)) = step;
            now = now + Duration::from_secs(pause);
            let AttemptDecision::Allowed(counted) = policy.judge(record.as_ref(), now) else { continue };
            record = Some(counted);
            if matches!(step, TimedAttempt::Right(_)) {
                // Another attempt is counted while this one is being verified.
                let begun = now;
                now = now + Duration::from_secs(verifying);
                if let AttemptDecision::Allowed(other) = policy.judge(Some(&counted), now) {
                    let forgiven = other.forgiven(begun).expect("the other attempt");
                    prop_assert_eq!(forgiven.recent.total(), other.recent.total() - 1);
                    prop_assert_eq!(forgiven.failures, 0);
                    record = Some(forgiven);
                }
            }
        }
    }

    #[test]
    fn a_clock_set_back_changes_no_count(
        attempts in 1_u32..100,
        back in 0_u64..1_000_000,
    ) {
        let policy = AttemptPolicy { free: 1, ..AttemptPolicy::default() };
        let record = greedy_record(attempts);
        let now = record.last_at - Duration::from_secs(back);
        if let AttemptDecision::Wait { wait, correction } = policy.judge(Some(&record), now) {
            let stored = correction.unwrap_or(record);
            prop_assert_eq!(stored.failures, record.failures);
            prop_assert!(stored.recent.total() <= record.recent.total());
            prop_assert!(stored.recent.seen_at(stored.last_at, now).total() == record.recent.total());
            prop_assert!(wait <= AttemptPolicy::MEMORY);
            prop_assert!(matches!(policy.judge(Some(&stored), now + wait), AttemptDecision::Allowed(_)));
        }
    }
}
