use std::sync::{Mutex, PoisonError};

use doorward_domain::entropy::Entropy;
use doorward_domain::id::RequestId;
use doorward_domain::time::Timestamp;

/// How many random bytes are drawn at once.
const BATCH: usize = 1024;

/// Generates request ids from random bytes that are drawn in batches, because the system call costs more than the rest of an
/// id. Request ids are no secrets.
#[derive(Default)]
pub(crate) struct RequestIds {
    /// Drawn and not yet used.
    bytes: Mutex<Vec<u8>>,
}

impl RequestIds {
    /// A new id.
    pub(crate) fn generate(&self, now: Timestamp, entropy: &dyn Entropy) -> RequestId {
        let drawn = Drawn {
            bytes: &self.bytes,
            entropy,
        };
        RequestId::generate(now, &drawn)
    }
}

/// Takes bytes from the batch.
struct Drawn<'a> {
    bytes: &'a Mutex<Vec<u8>>,
    entropy: &'a dyn Entropy,
}

impl Entropy for Drawn<'_> {
    fn fill(&self, filled: &mut [u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < filled.len() {
            bytes.resize(BATCH.max(filled.len()), 0);
            self.entropy.fill(&mut bytes);
        }
        let left = bytes.len() - filled.len();
        for (to, from) in filled.iter_mut().zip(bytes.drain(left..)) {
            *to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts, so that no byte sequence repeats.
    #[derive(Default)]
    struct Counting {
        fills: AtomicU32,
    }

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            let fill = self.fills.fetch_add(1, Ordering::Relaxed);
            for (place, chunk) in bytes.chunks_mut(4).enumerate() {
                let number = fill * 1024 + u32::try_from(place).unwrap();
                chunk.copy_from_slice(number.to_be_bytes().split_at(chunk.len()).0);
            }
        }
    }

    #[test]
    fn ids_of_one_instant_differ_and_share_few_draws() {
        let (ids, entropy) = (RequestIds::default(), Counting::default());
        let now = Timestamp::from_unix_seconds(1_700_000_000);
        let generated: BTreeSet<_> = (0..1000)
            .map(|_| ids.generate(now, &entropy).to_string())
            .collect();
        assert_eq!(generated.len(), 1000);
        assert!(entropy.fills.into_inner() < 30);
    }
}
