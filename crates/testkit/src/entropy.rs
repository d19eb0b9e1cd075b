use core::sync::atomic::{AtomicU64, Ordering};

use doorward_domain::entropy::Entropy;

/// The step of `SplitMix64`: odd, so that the counter takes every value before it repeats one.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Reproducible pseudo-random bytes: `SplitMix64`, which is predictable and for tests only.
///
/// No eight consecutive bytes are repeated, whichever threads call it.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The sequence that starts at `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = mix(self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP));
            for (byte, random) in chunk.iter_mut().zip(word.to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

/// The output function of `SplitMix64`, a bijection.
const fn mix(counter: u64) -> u64 {
    let word = (counter ^ (counter >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    fn draw(entropy: &SeededEntropy) -> [u8; 10] {
        let mut bytes = [0; 10];
        entropy.fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_seed_yields_the_published_sequence() {
        let mut bytes = [0; 16];
        SeededEntropy::new(1_234_567).fill(&mut bytes);
        let words = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973_u64];
        assert_eq!(
            bytes.chunks(8).map(Vec::from).collect::<Vec<_>>(),
            words.map(|w| w.to_le_bytes().to_vec())
        );
    }

    #[test]
    fn no_draw_is_repeated_on_any_thread() {
        let entropy = SeededEntropy::new(7);
        let drawn: BTreeSet<[u8; 10]> = thread::scope(|scope| {
            let drawers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..500).map(|_| draw(&entropy)).collect::<Vec<_>>()))
                .collect();
            drawers
                .into_iter()
                .flat_map(|drawer| drawer.join().expect("a drawer"))
                .collect()
        });
        assert_eq!(drawn.len(), 2000);
    }
}
