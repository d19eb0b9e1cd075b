//! Transparent fakes of cryptography: tests can read and forge their results, and count their calls.

mod passwords;
mod tokens;

use std::hash::{DefaultHasher, Hash, Hasher};

pub use passwords::{EveryRefusal, FakeAttemptKeys, FakeEstimator, FakeHasher};
pub use tokens::{FakeRefreshTokens, FakeSigner, FakeVerifier, NothingRevoked};

/// 32 bytes that depend on everything in `parts`. Protects nothing.
fn checksum(parts: &impl Hash) -> [u8; 32] {
    let mut sum = [0; 32];
    for (lane, chunk) in (0_u64..).zip(sum.chunks_mut(8)) {
        let mut hasher = DefaultHasher::new();
        lane.hash(&mut hasher);
        parts.hash(&mut hasher);
        chunk.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    sum
}
