//! The keys that sign and seal tokens: their stored form, the schedule of their rotation, and the published key set.

mod model;
mod pattern;
mod published;
mod repository;
mod schedule;

pub use model::{KeyId, KeyPurpose, SealedKey};
pub use pattern::is_pattern;
#[cfg(any(test, feature = "mocks"))]
pub use published::MockPublishedKeys;
pub use published::PublishedKeys;
pub use repository::KeyRepository;
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockKeyRepository;
pub use schedule::{KeyPolicy, KeySchedule, KeyState};
