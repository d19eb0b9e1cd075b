//! Passwords: plain text, the policy for new ones, and the ports that hash them and estimate their strength.

mod hasher;
mod plain;
mod policy;
mod strength;

#[cfg(any(test, feature = "mocks"))]
pub use hasher::MockPasswordHasher;
pub use hasher::{HashError, PasswordHasher, Verification};
pub use plain::PlainPassword;
pub use policy::{PasswordPolicy, PasswordWeakness};
#[cfg(any(test, feature = "mocks"))]
pub use strength::MockStrengthEstimator;
pub use strength::{StrengthEstimate, StrengthEstimator};
