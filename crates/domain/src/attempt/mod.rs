//! Limits on password attempts: the policy, what is stored of attempts, and known networks.

mod keys;
mod network;
mod policy;
mod recent;
mod refused;
mod repository;

pub use keys::AttemptKeys;
#[cfg(any(test, feature = "mocks"))]
pub use keys::MockAttemptKeys;
pub use network::ClientNetwork;
pub use policy::{AttemptDecision, AttemptKey, AttemptPolicy, AttemptRecord};
pub use recent::RecentAttempts;
#[cfg(any(test, feature = "mocks"))]
pub use refused::MockRefusedAttempts;
pub use refused::RefusedAttempts;
pub use repository::{AttemptRepository, AttemptState, NetworkRepository};
#[cfg(any(test, feature = "mocks"))]
pub use repository::{MockAttemptRepository, MockNetworkRepository};
