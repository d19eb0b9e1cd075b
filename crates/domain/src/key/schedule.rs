//! The rotation schedule of keys: pure functions of when the keys were created.
//!
//! The keys of one purpose form a sequence, in the order of their ordinals. A new key is *published* for a while before
//! it is *current*, so that every instance and every cache of the key set has it before the first token made with it is
//! presented. The key before it then makes no more tokens, but is stored until all tokens made with it have expired.
//!
//! ```text
//! made ──── lead ────► current ──── until the next one is ────► retired ─── token lifetime ───► dead
//! ```
//!
//! Only the creation time of a key is stored, so all instances compute the same state, and restarts and outages do not
//! affect it. If a clock is set back, an earlier key, or the first remaining one, is current again: exactly one key is
//! always current.

use core::time::Duration;

use crate::time::Timestamp;

use super::KeyPurpose;

/// The longest time a key is published before its first use.
const LONGEST_LEAD: Duration = Duration::from_mins(10);

/// The maximum interval between two reads of the store.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How much longer than its tokens a key is stored, to allow for clock skew and requests in progress.
const MARGIN: Duration = Duration::from_mins(1);

/// The maximum number of keys that the schedule retires within the lifetime of a token. It bounds the number of stored
/// keys even when tokens are valid for a month and keys are to be rotated every minute.
const KEYS_A_LIFE: u32 = 32;

/// The configuration of key rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The age of the newest key at which the next one is created (`keys.rotate_every`).
    pub rotate_every: Duration,
    /// How long an access token can be accepted after it was signed: its lifetime and the leeway.
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

    /// How long clients may cache the key set: half the lead. With [`pause`](Self::pause) added, a cached copy expires
    /// before a new key is used.
    pub fn cache_life(&self) -> Duration {
        self.lead() / 2
    }

    /// The maximum interval between two reads of the store by an instance: a small part of the lead.
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

/// The rotation schedule of the keys of one purpose.
///
/// A sequence of keys is given as their creation times, in the order of their ordinals. The times need not ascend: clocks
/// differ between instances, and can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    rotate_every: Duration,
    lead: Duration,
    kept: Duration,
}

/// The state of a key at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyState {
    /// In the key set, but not used yet.
    Published,
    /// Makes new tokens.
    Current,
    /// Makes no more tokens; tokens made with it are accepted.
    Retired,
    /// Every token made with it has expired; the key may be deleted.
    Dead,
}

impl KeyState {
    /// The name of the state in command output.
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
    /// The index of the key that makes tokens at `now`: the last one published for at least the lead, else the first one,
    /// which no cache can miss. `None` only for an empty sequence.
    pub fn current(&self, sequence: &[Timestamp], now: Timestamp) -> Option<usize> {
        let last = sequence.iter().rposition(|made| *made + self.lead <= now);
        last.or(if sequence.is_empty() { None } else { Some(0) })
    }

    /// The state of the key at `index` at `now`.
    pub fn state(&self, sequence: &[Timestamp], index: usize, now: Timestamp) -> KeyState {
        match self.current(sequence, now) {
            Some(current) if index > current => KeyState::Published,
            Some(current) if index == current => KeyState::Current,
            _ if self.kept_until(sequence, index).is_some_and(|until| until <= now) => KeyState::Dead,
            _ => KeyState::Retired,
        }
    }

    /// When the key at `index` is first used: the first of a sequence when it is created, any other after the lead. `None`
    /// when there is no key at `index`.
    pub fn first_use(&self, sequence: &[Timestamp], index: usize) -> Option<Timestamp> {
        let made = *sequence.get(index)?;
        Some(if index == 0 { made } else { made + self.lead })
    }

    /// Until when the key at `index` has to be stored: until the last token that it made before a later key took over has
    /// expired. `None` while there is no later key.
    pub fn kept_until(&self, sequence: &[Timestamp], index: usize) -> Option<Timestamp> {
        let later = sequence.get(index.checked_add(1)?..)?;
        later.iter().min().map(|made| *made + self.lead + self.kept)
    }

    /// Whether the next key is due at `now`. While the newest key was created in the future (by a wrong clock), none is
    /// due: instances whose clocks differ must not create keys in competition.
    pub fn is_due(&self, sequence: &[Timestamp], now: Timestamp) -> bool {
        sequence
            .last()
            .is_none_or(|newest| now.since(*newest) >= self.rotate_every)
    }

    /// Whether the last key of the sequence has been created but is not current yet: a request for the next key refers to
    /// it. `false` if it was created further in the future than the lead.
    pub fn has_next(&self, sequence: &[Timestamp], now: Timestamp) -> bool {
        let last = sequence.len().checked_sub(1);
        let is_waiting = self.current(sequence, now) < last;
        is_waiting && sequence.last().is_some_and(|made| *made <= now + self.lead)
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
    fn by_default_a_key_is_published_for_ten_minutes_and_cached_for_five() {
        let policy = policy(90 * 86_400);
        assert_eq!(policy.lead(), Duration::from_secs(600));
        assert_eq!(policy.cache_life(), Duration::from_secs(300));
        assert_eq!(policy.pause(), Duration::from_secs(5));
    }

    #[test]
    fn keys_can_be_rotated_every_minute() {
        let policy = policy(60);
        assert_eq!(policy.lead(), Duration::from_secs(20));
        assert_eq!(policy.cache_life(), Duration::from_secs(10));
        assert_eq!(policy.pause(), Duration::from_secs(2));
        let signing = policy.schedule(KeyPurpose::AccessSigning);
        assert!(signing.is_due(&[START], at(60)) && !signing.is_due(&[START], at(59)));
        // Keys that are stored for a month are not created every minute.
        let sealing = policy.schedule(KeyPurpose::RefreshSealing);
        assert!(!sealing.is_due(&[START], at(3_600)) && sealing.is_due(&[START], at(86_400)));
    }

    #[test]
    fn a_key_is_published_then_current_then_retired_then_dead() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        let sequence = [START, at(1_000)];
        for (seconds, first, second) in [
            (0, KeyState::Current, KeyState::Published),
            (1_599, KeyState::Current, KeyState::Published),
            (1_600, KeyState::Retired, KeyState::Current),
            (1_600 + 905 + 59, KeyState::Retired, KeyState::Current),
            (1_600 + 905 + 60, KeyState::Dead, KeyState::Current),
        ] {
            let states = [0, 1].map(|index| schedule.state(&sequence, index, at(seconds)));
            assert_eq!(states, [first, second], "after {seconds} s");
        }
        assert_eq!(schedule.first_use(&sequence, 0), Some(START));
        assert_eq!(schedule.first_use(&sequence, 1), Some(at(1_600)));
        assert_eq!(schedule.kept_until(&sequence, 0), Some(at(1_600 + 965)));
        assert_eq!(schedule.kept_until(&sequence, 1), None);
        assert_eq!(schedule.first_use(&sequence, 2), None);
    }

    #[test]
    fn a_requested_key_counts_as_next_until_it_is_current() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        assert!(!schedule.has_next(&[], START));
        assert!(!schedule.has_next(&[START], START), "the first key is current");
        assert!(schedule.has_next(&[START, at(1_000)], at(1_000)));
        assert!(schedule.has_next(&[START, at(1_000)], at(1_599)));
        assert!(!schedule.has_next(&[START, at(1_000)], at(1_600)));
    }

    #[test]
    fn a_key_created_in_the_future_is_not_used_until_then_and_can_be_superseded() {
        let schedule = policy(90 * 86_400).schedule(KeyPurpose::AccessSigning);
        let sequence = [START, at(1_000_000_000)];
        assert_eq!(schedule.current(&sequence, at(86_400)), Some(0));
        assert!(!schedule.is_due(&sequence, at(365 * 86_400)));
        assert!(
            !schedule.has_next(&sequence, at(86_400)),
            "a key from the future is not the requested one"
        );
        let sequence = [START, at(1_000_000_000), at(86_400)];
        // The third key takes over at 87,000 s; tokens that the second could have made until then expire 965 s later.
        assert_eq!(schedule.current(&sequence, at(87_000)), Some(2));
        assert_eq!(schedule.state(&sequence, 1, at(87_964)), KeyState::Retired);
        assert_eq!(schedule.state(&sequence, 1, at(87_965)), KeyState::Dead);
    }

    /// Creation times in any order, as wrong clocks cause them.
    fn sequences() -> impl Strategy<Value = Vec<Timestamp>> {
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
        fn one_key_is_current_at_any_instant(sequence in sequences(), policy in policies(), purpose in purposes(), now in -30_000_i64..60_000) {
            let schedule = policy.schedule(purpose);
            let states = (0..sequence.len()).map(|index| schedule.state(&sequence, index, at(now)));
            prop_assert_eq!(states.filter(|state| *state == KeyState::Current).count(), 1);
        }

        #[test]
        fn no_key_but_the_first_is_used_before_the_lead_has_passed(sequence in sequences(), policy in policies(), purpose in purposes(), now in -30_000_i64..60_000) {
            let current = policy.schedule(purpose).current(&sequence, at(now)).unwrap();
            prop_assert!(current == 0 || sequence[current] + policy.lead() <= at(now));
        }

        #[test]
        fn a_cached_key_set_expires_before_a_new_key_is_used(policy in policies()) {
            // Fetched from an instance that had not read the store for a whole interval, and cached as long as allowed.
            prop_assert!(policy.pause() + policy.cache_life() < policy.lead());
            prop_assert!(policy.cache_life() >= Duration::from_secs(1) && policy.pause() > Duration::ZERO);
        }

        #[test]
        fn a_key_is_stored_until_every_token_it_made_has_expired(sequence in sequences(), policy in policies(), purpose in purposes(), made_at in 0_i64..40_000, age in 0_u64..4_000) {
            let schedule = policy.schedule(purpose);
            let life = match purpose {
                KeyPurpose::AccessSigning => policy.access_life,
                KeyPurpose::RefreshSealing => policy.refresh_life,
            };
            let maker = schedule.current(&sequence, at(made_at)).unwrap();
            let now = at(made_at) + Duration::from_secs(age).min(life);
            prop_assert_ne!(schedule.state(&sequence, maker, now), KeyState::Dead);
        }

        #[test]
        fn deleting_dead_keys_changes_no_other_state(sequence in sequences(), policy in policies(), purpose in purposes(), now in 0_i64..60_000, later in 0_i64..5_000) {
            let schedule = policy.schedule(purpose);
            let live: Vec<usize> = (0..sequence.len()).filter(|index| schedule.state(&sequence, *index, at(now)) != KeyState::Dead).collect();
            let rest: Vec<Timestamp> = live.iter().map(|index| sequence[*index]).collect();
            for instant in [at(now), at(now + later)] {
                let current = schedule.current(&rest, instant).map(|index| live[index]);
                prop_assert_eq!(current, schedule.current(&sequence, instant));
                for (index, original) in live.iter().enumerate() {
                    if schedule.state(&rest, index, instant) == KeyState::Dead {
                        prop_assert_eq!(schedule.state(&sequence, *original, instant), KeyState::Dead);
                    }
                }
            }
        }

        #[test]
        fn a_key_that_was_just_created_makes_no_other_due(sequence in sequences(), policy in policies(), purpose in purposes(), now in 0_i64..60_000) {
            let schedule = policy.schedule(purpose);
            let mut sequence = sequence;
            if schedule.is_due(&sequence, at(now)) {
                sequence.push(at(now));
                prop_assert!(!schedule.is_due(&sequence, at(now)));
                prop_assert!(schedule.has_next(&sequence, at(now)));
            }
        }

        #[test]
        fn the_number_of_stored_keys_is_bounded(policy in policies(), purpose in purposes()) {
            let schedule = policy.schedule(purpose);
            let mut sequence = vec![START];
            let mut now = START;
            for _ in 0..300 {
                now = now + policy.pause().max(schedule.rotate_every / 4);
                if schedule.is_due(&sequence, now) {
                    sequence.push(now);
                }
                let states: Vec<KeyState> = (0..sequence.len()).map(|index| schedule.state(&sequence, index, now)).collect();
                let mut states = states.iter();
                sequence.retain(|_| states.next() != Some(&KeyState::Dead));
            }
            prop_assert!(sequence.len() <= 36, "{} keys", sequence.len());
        }
    }
}
