//! Who somebody is: addresses, names, passwords and the account that holds them.

mod attempts;
mod email;
mod name;
mod password;
mod password_policy;
mod user;

pub use attempts::{AttemptKey, AttemptPolicy, AttemptRecord, Judgement};
pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use name::{DisplayName, InvalidName};
pub use password::{PasswordDigest, PlainPassword};
pub use password_policy::{PasswordPolicy, PasswordWeakness};
pub use user::{Credentials, PasswordVersion, User, UserStatus, UserVersion};

pub use crate::id::UserId;
