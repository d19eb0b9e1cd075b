//! When one key takes over from another: pure functions of when the keys were made.
//!
//! The keys of one purpose stand in a line, in the order of their ordinals. A new key is *published* for a while before
//! it is *current*, so that every instance and everybody who caches the key set knows it by the time a token made with
//! it turns up. The key before it then makes no more tokens, but is kept until those it made are dead.
//!
//! ```text
//! made ──── lead ────► current ──── until the next one is ────► retired ──── life of a token ────► dead
//! ```
//!
//! Nothing of this is stored but the time at which a key was made, so all instances come to the same answer, and a
//! restart or an outage changes nothing. A clock that is set back finds an earlier key current again, or the first one
//! that is left: there is always exactly one.

use core::time::Duration;

use crate::time::Timestamp;

use super::KeyPurpose;

/// The longest time a key is published before its first use.
const LONGEST_LEAD: Duration = Duration::from_mins(10);

/// The longest time between two looks at the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How much longer than its tokens a key is kept, for clocks that differ and answers under way.
const MARGIN: Duration = Duration::from_mins(1);

/// The most keys that the schedule retires within the life of a token: however often keys are to be rotated, a line does
/// not grow without bound, as it would with tokens that live for a month and keys that take turns every minute.
const KEYS_A_LIFE: u32 = 32;

/// How keys are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// How old the newest key grows before the next one is made (`keys.rotate_every`).
    pub rotate_every: Duration,
    /// How long an access token can be accepted after it was signed: its life and the leeway.
    pub access_life: Duration,
    /// How long a refresh token can be accepted after it was sealed.
    pub refresh_life: Duration,
}

impl KeyPolicy {
    /// How long a key is published before its first use: ten minutes, or a third of the time between rotations if that is
    /// less.
    pub fn lead(&self) -> Duration {
        LONGEST_LEAD.min(self.rotate_every / 3)
    }

    /// How long others may use the key set without asking again: half the lead, so that together with [`pause`](Self::pause)
    /// it is over before a new key is used.
    pub fn cache_life(&self) -> Duration {
        self.lead() / 2
    }

    /// How long an instance may pause between two looks at the store: a small part of the lead.
    pub fn pause(&self) -> Duration {
        LONGEST_PAUSE.min(self.lead() / 10)
    }

    /// The schedule for keys of one purpose.
    pub fn schedule(&self, purpose: KeyPurpose) -> KeySchedule {
        let tokens = match purpose {
            KeyPurpose::AccessSigning => self.access_life,
            KeyPurpose::RefreshSealing => self.refresh_life,
        };
        let kept = tokens.saturating_add(MARGIN);
        KeySchedule {
            rotate_every: self.rotate_every.max(kept / KEYS_A_LIFE),
            lead: self.lead(),
            kept,
        }
    }
}

/// When the keys of one purpose take over from each other.
///
/// A line of keys is given as the times at which they were made, in the order of their ordinals. These times need not
/// be in order themselves: clocks differ, and are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    rotate_every: Duration,
    lead: Duration,
    kept: Duration,
}

/// What a key does at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// Known to everybody, but not used yet.
    Published,
    /// Makes new tokens.
    Current,
    /// Makes no more tokens, but those it made are accepted.
    Retired,
    /// Every token it made has expired.
    Dead,
}

impl KeyState {
    /// The word by which operators know the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Dead => "dead",
        }
    }
}

impl KeySchedule {
    /// Which key makes tokens at `now`: the last that has been published for long enough, else the first, which has
    /// nobody to wait for. `None` only for a line without keys.
    pub fn current(&self, line: &[Timestamp], now: Timestamp) -> Option<usize> {
        let last = line.iter().rposition(|made| *made + self.lead <= now);
        last.or(if line.is_empty() { None } else { Some(0) })
    }

    /// What the key at `index` does at `now`.
    pub fn state(&self, line: &[Timestamp], index: usize, now: Timestamp) -> KeyState {
        match self.current(line, now) {
            Some(current) if index > current => KeyState::Published,
            Some(current) if index == current => KeyState::Current,
            _ if self.kept_until(line, index).is_some_and(|until| until <= now) => KeyState::Dead,
            _ => KeyState::Retired,
        }
    }

    /// When the key at `index` is first used, if it is ever: the first of a line when it is made, any other when it has
    /// been published for long enough.
    pub fn first_use(&self, line: &[Timestamp], index: usize) -> Option<Timestamp> {
        let made = *line.get(index)?;
        Some(if index == 0 { made } else { made + self.lead })
    }

    /// Until when the key at `index` has to be kept: until the last token that it made before a later key took over has
    /// expired. `None` while there is no later key.
    pub fn kept_until(&self, line: &[Timestamp], index: usize) -> Option<Timestamp> {
        let later = line.get(index.checked_add(1)?..)?;
        later.iter().min().map(|made| *made + self.lead + self.kept)
    }

    /// Whether the schedule asks for the next key at `now`. A key that was made in the future, by a clock that was wrong,
    /// asks for none until its time has come: instances whose clocks disagree must not make keys against each other.
    pub fn is_due(&self, line: &[Timestamp], now: Timestamp) -> bool {
        line.last()
            .is_none_or(|newest| now.since(*newest) >= self.rotate_every)
    }

    /// Whether the last key of the line is about to take over: asking for the next key now is asking for that one. Not
    /// so if it was made further in the future than clocks differ.
    pub fn has_next(&self, line: &[Timestamp], now: Timestamp) -> bool {
        let last = line.len().checked_sub(1);
        let is_waiting = self.current(line, now) < last;
        is_waiting && line.last().is_some_and(|made| *made <= now + self.lead)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn policy(rotate_every: u64) -> KeyPolicy {
        KeyPolicy {
            rotate_every: Duration::from_secs(rotate_every),
            access_life: Duration::from_secs(905),
            refresh_life: Duration::from_secs(30 * 86_400),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_700_000_000 + seconds)
    }

    #[test]
    fn with_the_defaults_a_key_is_published_ten_minutes_and_cached_five() {
        let policy = policy(90 * 86_400);
        assert_eq!(policy.lead(), Duration::from_secs(600));
        assert_eq!(policy.cache_life(), Duration::from_secs(300));
        assert_eq!(policy.pause(), Duration::from_secs(5));
    }

    #[test]
    fn a_minute_between_rotations_still_works() {
        let policy = policy(60);
        assert_eq!(policy.lead(), Duration::from_secs(20));
        assert_eq!(policy.cache_life(), Duration::from_secs(10));
        assert_eq!(policy.pause(), Duration::from_secs(2));
        let signing = policy.schedule(KeyPurpose::AccessSigning);
        assert!(signing.is_due(&[START], at(60)) && !signing.is_due(&[START], at(59)));
        // Keys that are kept for a month are not made every minute.
        let sealing = policy.schedule(KeyPurpose::RefreshSealing);
        assert!(!sealing.is_due(&[START], at(3_600)) && sealing.is_due(&[START], at(86_400)));
    }

    #[test]
    fn a_life_in_states() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        let line = [START, at(1_000)];
        for (seconds, first, second) in [
            (0, KeyState::Current, KeyState::Published),
            (1_599, KeyState::Current, KeyState::Published),
            (1_600, KeyState::Retired, KeyState::Current),
            (1_600 + 905 + 59, KeyState::Retired, KeyState::Current),
            (1_600 + 905 + 60, KeyState::Dead, KeyState::Current),
        ] {
            let states = [0, 1].map(|index| schedule.state(&line, index, at(seconds)));
            assert_eq!(states, [first, second], "after {seconds} s");
        }
        assert_eq!(schedule.first_use(&line, 0), Some(START));
        assert_eq!(schedule.first_use(&line, 1), Some(at(1_600)));
        assert_eq!(schedule.kept_until(&line, 0), Some(at(1_600 + 965)));
        assert_eq!(schedule.kept_until(&line, 1), None);
        assert_eq!(schedule.first_use(&line, 2), None);
    }

    #[test]
    fn the_next_key_is_asked_for_once() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        assert!(!schedule.has_next(&[], START));
        assert!(!schedule.has_next(&[START], START), "the first key is current");
        assert!(schedule.has_next(&[START, at(1_000)], at(1_000)));
        assert!(schedule.has_next(&[START, at(1_000)], at(1_599)));
        assert!(!schedule.has_next(&[START, at(1_000)], at(1_600)));
    }

    #[test]
    fn a_key_from_the_future_waits_and_can_be_overtaken() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        let line = [START, at(1_000_000_000)];
        assert_eq!(schedule.current(&line, at(86_400)), Some(0));
        assert!(!schedule.is_due(&line, at(365 * 86_400)));
        assert!(
            !schedule.has_next(&line, at(86_400)),
            "it is not what was asked for"
        );
        let line = [START, at(1_000_000_000), at(86_400)];
        // The third key takes over at 87,000 s; what the second could have made until then lives for 965 s more.
        assert_eq!(schedule.current(&line, at(87_000)), Some(2));
        assert_eq!(schedule.state(&line, 1, at(87_964)), KeyState::Retired);
        assert_eq!(schedule.state(&line, 1, at(87_965)), KeyState::Dead);
    }

    /// A line of keys made at any times, as clocks that are set make them.
    fn lines() -> impl Strategy<Value = Vec<Timestamp>> {
        proptest::collection::vec((0_i64..20_000).prop_map(at), 1..8)
    }

    fn policies() -> impl Strategy<Value = KeyPolicy> {
        (60_u64..7_200, 1_u64..4_000, 1_u64..4_000).prop_map(|(every, access, refresh)| KeyPolicy {
            rotate_every: Duration::from_secs(every),
            access_life: Duration::from_secs(access),
            refresh_life: Duration::from_secs(refresh),
        })
    }

    fn purposes() -> impl Strategy<Value = KeyPurpose> {
        prop_oneof![Just(KeyPurpose::AccessSigning), Just(KeyPurpose::RefreshSealing)]
    }

    proptest! {
        #[test]
        fn one_key_is_current_at_any_instant(line in lines(), policy in policies(), purpose in purposes(), now in -30_000_i64..60_000) {
            let schedule = policy.schedule(purpose);
            let states = (0..line.len()).map(|index| schedule.state(&line, index, at(now)));
            prop_assert_eq!(states.filter(|state| *state == KeyState::Current).count(), 1);
        }

        #[test]
        fn no_key_but_the_first_is_used_before_it_was_published_long_enough(line in lines(), policy in policies(), purpose in purposes(), now in -30_000_i64..60_000) {
            let current = policy.schedule(purpose).current(&line, at(now)).unwrap();
            prop_assert!(current == 0 || line[current] + policy.lead() <= at(now));
        }

        #[test]
        fn whoever_caches_the_key_set_knows_a_key_before_it_is_used(policy in policies()) {
            // Read from an instance that had not looked at the store for a whole pause, and kept as long as allowed.
            prop_assert!(policy.pause() + policy.cache_life() < policy.lead());
            prop_assert!(policy.cache_life() >= Duration::from_secs(1) && policy.pause() > Duration::ZERO);
        }

        #[test]
        fn a_key_is_kept_while_a_token_that_it_made_can_live(line in lines(), policy in policies(), purpose in purposes(), made_at in 0_i64..40_000, age in 0_u64..4_000) {
            let schedule = policy.schedule(purpose);
            let life = match purpose {
                KeyPurpose::AccessSigning => policy.access_life,
                KeyPurpose::RefreshSealing => policy.refresh_life,
            };
            let maker = schedule.current(&line, at(made_at)).unwrap();
            let now = at(made_at) + Duration::from_secs(age).min(life);
            prop_assert_ne!(schedule.state(&line, maker, now), KeyState::Dead);
        }

        #[test]
        fn dropping_what_is_dead_changes_neither_the_current_key_nor_what_is_kept(line in lines(), policy in policies(), purpose in purposes(), now in 0_i64..60_000, later in 0_i64..5_000) {
            let schedule = policy.schedule(purpose);
            let live: Vec<usize> = (0..line.len()).filter(|index| schedule.state(&line, *index, at(now)) != KeyState::Dead).collect();
            let rest: Vec<Timestamp> = live.iter().map(|index| line[*index]).collect();
            for instant in [at(now), at(now + later)] {
                let current = schedule.current(&rest, instant).map(|index| live[index]);
                prop_assert_eq!(current, schedule.current(&line, instant));
                for (index, original) in live.iter().enumerate() {
                    if schedule.state(&rest, index, instant) == KeyState::Dead {
                        prop_assert_eq!(schedule.state(&line, *original, instant), KeyState::Dead);
                    }
                }
            }
        }

        #[test]
        fn what_is_due_is_not_due_again_at_once(line in lines(), policy in policies(), purpose in purposes(), now in 0_i64..60_000) {
            let schedule = policy.schedule(purpose);
            let mut line = line;
            if schedule.is_due(&line, at(now)) {
                line.push(at(now));
                prop_assert!(!schedule.is_due(&line, at(now)));
                prop_assert!(schedule.has_next(&line, at(now)));
            }
        }

        #[test]
        fn a_line_does_not_grow_without_bound(policy in policies(), purpose in purposes()) {
            let schedule = policy.schedule(purpose);
            let mut line = vec![START];
            let mut now = START;
            for _ in 0..300 {
                now = now + policy.pause().max(schedule.rotate_every / 4);
                if schedule.is_due(&line, now) {
                    line.push(now);
                }
                let states: Vec<KeyState> = (0..line.len()).map(|index| schedule.state(&line, index, now)).collect();
                let mut states = states.iter();
                line.retain(|_| states.next() != Some(&KeyState::Dead));
            }
            prop_assert!(line.len() <= 36, "{} keys", line.len());
        }
    }
}
