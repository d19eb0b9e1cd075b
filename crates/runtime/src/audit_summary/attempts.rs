//! Which refused password attempts the audit log records.
//!
//! Attempts at a locked account are refused without a hash, as often as the throttle lets a client ask, and from as many
//! addresses as it has: an entry for each would fill the log and keep others from the store. The first refusal on a
//! record is recorded at once, the next ones together, once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use doorward_domain::attempt::AttemptKey;
use doorward_domain::attempt::RefusedAttempts;
use doorward_domain::time::Timestamp;

/// How long after an entry about a record comes the next one.
const PAUSE: Duration = Duration::from_secs(60);

/// How many records are told apart, at about a hundred bytes each. What is refused on others is recorded together.
const RECORDS: usize = 16_384;

/// Counts refusals since the last audit entry of each record.
#[derive(Default)]
pub struct AttemptSummary(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    records: HashMap<AttemptKey, Count>,
    others: Option<Count>,
}

#[derive(Clone, Copy)]
struct Count {
    recorded_at: Timestamp,
    since: u64,
}

impl RefusedAttempts for AttemptSummary {
    fn note(&self, key: &AttemptKey, now: Timestamp) -> Option<u64> {
        // Counts are whole at every instant, so a poisoned lock guards sound ones.
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.note(key, now)
    }
}

impl Counts {
    fn note(&mut self, key: &AttemptKey, now: Timestamp) -> Option<u64> {
        if let Some(count) = self.records.get_mut(key) {
            return count.note(now);
        }
        if self.records.len() >= RECORDS {
            self.records.retain(|_, count| !count.is_over(now));
        }
        let first = Count {
            recorded_at: now,
            since: 0,
        };
        if self.records.len() < RECORDS {
            self.records.insert(*key, first);
            return Some(1);
        }
        if let Some(others) = &mut self.others {
            return others.note(now);
        }
        self.others = Some(first);
        Some(1)
    }
}

impl Count {
    /// Whether the next entry is due. A clock that was set back must not delay one for long.
    fn is_over(&self, now: Timestamp) -> bool {
        now < self.recorded_at || now.since(self.recorded_at) >= PAUSE
    }

    fn note(&mut self, now: Timestamp) -> Option<u64> {
        self.since += 1;
        if !self.is_over(now) {
            return None;
        }
        let count = self.since;
        *self = Self {
            recorded_at: now,
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
    fn the_first_is_recorded_at_once_and_the_next_ones_together() {
        let counts = AttemptSummary::default();
        assert_eq!(counts.note(&key(1), START), Some(1));
        for second in 1..60 {
            assert_eq!(counts.note(&key(1), START + Duration::from_secs(second)), None);
        }
        assert_eq!(counts.note(&key(2), START + Duration::from_secs(30)), Some(1));
        assert_eq!(counts.note(&key(1), START + PAUSE), Some(60));
        assert_eq!(counts.note(&key(1), START + PAUSE), None);
        assert_eq!(counts.note(&key(1), START), Some(2), "a clock was set back");
    }

    #[test]
    fn there_are_so_many_records_and_the_rest_is_one() {
        let counts = AttemptSummary::default();
        let most = u32::try_from(RECORDS).unwrap();
        for number in 0..most {
            assert_eq!(counts.note(&key(number), START), Some(1));
        }
        assert_eq!(counts.note(&key(most), START), Some(1));
        assert_eq!(counts.note(&key(most + 1), START), None);
        assert_eq!(
            counts.note(&key(most + 2), START + PAUSE),
            Some(1),
            "there is room again"
        );
        assert_eq!(counts.0.lock().unwrap().records.len(), 1);
    }
}
