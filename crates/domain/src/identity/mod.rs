//! Who somebody is: addresses, names, passwords and the account that holds them.

mod attempts;
mod email;
mod name;
mod network;
mod password;
mod password_policy;
mod recent_attempts;
mod user;

pub use attempts::{AttemptDecision, AttemptKey, AttemptPolicy, AttemptRecord};
pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use name::{DisplayName, InvalidName};
pub use network::ClientNetwork;
pub use password::{PasswordDigest, PlainPassword};
pub use password_policy::{PasswordPolicy, PasswordWeakness};
pub use recent_attempts::RecentAttempts;
pub use user::{Credentials, PasswordVersion, User, UserStatus, UserVersion};

pub use crate::id::UserId;
