//! The keys that sign and seal tokens: their stored form, the schedule of their rotation, and the published key set.

mod model;
mod published;
mod repository;
mod schedule;

pub use model::{KeyId, KeyPurpose, SealedKey};
#[cfg(any(test, feature = "mocks"))]
pub use published::MockPublishedKeys;
pub use published::PublishedKeys;
pub use repository::KeyRepository;
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockKeyRepository;
pub use schedule::{KeyPolicy, KeySchedule, KeyState};
