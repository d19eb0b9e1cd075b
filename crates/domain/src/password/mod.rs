//! Passwords: plain text, the policy for new ones, the record of the pepper, and the ports that hash them and estimate their
//! strength.

mod hasher;
mod pepper;
mod plain;
mod policy;
mod strength;

#[cfg(any(test, feature = "mocks"))]
pub use hasher::MockPasswordHasher;
pub use hasher::{HashError, PasswordHasher, Verification};
#[cfg(any(test, feature = "mocks"))]
pub use pepper::MockPepperRepository;
pub use pepper::{PepperId, PepperIds, PepperMismatch, PepperRepository};
pub use plain::PlainPassword;
pub use policy::{PasswordPolicy, PasswordWeakness};
#[cfg(any(test, feature = "mocks"))]
pub use strength::MockStrengthEstimator;
pub use strength::{StrengthEstimate, StrengthEstimator};
