//! Audit summary of rejected password attempts.
//!
//! Attempts on a locked account are rejected without a hash, at the rate that the throttle allows and from any number of
//! addresses: an audit event for each would fill the log and load the store. The first rejection on an attempt record is
//! recorded at once, the following ones together, once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_domain::attempt::AttemptKey;
use doorward_domain::attempt::RefusedAttempts;
use doorward_domain::time::Timestamp;

/// The shortest time between two audit events about one attempt record.
const INTERVAL: Duration = Duration::from_secs(60);

/// How many attempt records are counted separately, at about a hundred bytes each. Further ones are counted together.
const MAX_RECORDS: usize = 16_384;

/// Counts rejected attempts since the last audit event of each attempt record.
#[derive(Default)]
pub struct AttemptSummary(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    records: HashMap<AttemptKey, Count>,
    others: Option<Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    /// The time of the last event. `None` if one is due at once.
    recorded_at: Option<Timestamp>,
    /// The rejections since then.
    since: u64,
}

impl RefusedAttempts for AttemptSummary {
    fn note(&self, key: &AttemptKey, now: Timestamp) -> Option<u64> {
        self.counts().note(key, now)
    }

    fn take_back(&self, key: &AttemptKey, noted: Option<u64>, is_refused: bool) {
        self.counts().take_back(key, noted, is_refused);
    }
}

impl AttemptSummary {
    /// Nothing panics while the lock is held, so a poisoned lock guards consistent counts.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn note(&mut self, key: &AttemptKey, now: Timestamp) -> Option<u64> {
        if let Some(count) = self.records.get_mut(key) {
            return count.note(now);
        }
        if self.records.len() >= MAX_RECORDS {
            self.records.retain(|_, count| !count.is_due(now));
        }
        let first = Count {
            recorded_at: Some(now),
            since: 0,
        };
        if self.records.len() < MAX_RECORDS {
            self.records.insert(*key, first);
            return Some(1);
        }
        if let Some(others) = &mut self.others {
            return others.note(now);
        }
        self.others = Some(first);
        Some(1)
    }

    fn take_back(&mut self, key: &AttemptKey, noted: Option<u64>, is_refused: bool) {
        let count = match self.records.get_mut(key) {
            Some(count) => count,
            None => self.others.get_or_insert_default(),
        };
        if let Some(refusals) = noted {
            count.since = count.since.saturating_add(refusals);
            count.recorded_at = None;
        }
        if !is_refused {
            count.since = count.since.saturating_sub(1);
        }
    }
}

impl Count {
    /// Whether the next audit event is due. It is due at once if the clock was set back.
    fn is_due(&self, now: Timestamp) -> bool {
        self.recorded_at
            .is_none_or(|recorded_at| now < recorded_at || now.since(recorded_at) >= INTERVAL)
    }

    fn note(&mut self, now: Timestamp) -> Option<u64> {
        self.since += 1;
        if !self.is_due(now) {
            return None;
        }
        let count = self.since;
        *self = Self {
            recorded_at: Some(now),
            since: 0,
        };
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn key(number: u32) -> AttemptKey {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        AttemptKey::from_bytes(bytes)
    }

    #[test]
    fn the_first_rejection_is_recorded_at_once_and_the_next_ones_together() {
        let counts = AttemptSummary::default();
        assert_eq!(counts.note(&key(1), START), Some(1));
        for second in 1..60 {
            assert_eq!(counts.note(&key(1), START + Duration::from_secs(second)), None);
        }
        assert_eq!(counts.note(&key(2), START + Duration::from_secs(30)), Some(1));
        assert_eq!(counts.note(&key(1), START + INTERVAL), Some(60));
        assert_eq!(counts.note(&key(1), START + INTERVAL), None);
        assert_eq!(counts.note(&key(1), START), Some(2), "the clock was set back");
    }

    /// Because the store failed, or because the attempt was allowed after all.
    #[test]
    fn rejections_whose_event_was_not_written_are_counted_again_and_recorded_at_once() {
        for (is_refused, expected) in [(true, 61), (false, 60)] {
            let counts = AttemptSummary::default();
            assert_eq!(counts.note(&key(1), START), Some(1));
            for _ in 1..60 {
                assert_eq!(counts.note(&key(1), START), None);
            }
            let noted = counts.note(&key(1), START + INTERVAL);
            assert_eq!(noted, Some(60));
            counts.take_back(&key(1), noted, is_refused);
            assert_eq!(counts.note(&key(1), START + INTERVAL), Some(expected));
            // One that was only counted.
            assert_eq!(counts.note(&key(1), START + INTERVAL), None);
            counts.take_back(&key(1), None, is_refused);
            let next = counts.note(&key(1), START + 2 * INTERVAL);
            assert_eq!(next, Some(1 + u64::from(is_refused)));
        }
    }

    #[test]
    fn records_beyond_the_limit_are_counted_together() {
        let counts = AttemptSummary::default();
        let most = u32::try_from(MAX_RECORDS).unwrap();
        for number in 0..most {
            assert_eq!(counts.note(&key(number), START), Some(1));
        }
        assert_eq!(counts.note(&key(most), START), Some(1));
        assert_eq!(counts.note(&key(most + 1), START), None);
        assert_eq!(
            counts.note(&key(most + 2), START + INTERVAL),
            Some(1),
            "there is room again"
        );
        assert_eq!(counts.0.lock().unwrap().records.len(), 1);
    }
}
