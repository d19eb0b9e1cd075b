//! Who somebody is: addresses, names, passwords and the account that holds them.

mod attempts;
mod email;
mod name;
mod network;
mod password;
mod password_policy;
mod recent_guesses;
mod user;

pub use attempts::{AttemptKey, AttemptPolicy, AttemptRecord, Judgement};
pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use name::{DisplayName, InvalidName};
pub use network::ClientNetwork;
pub use password::{PasswordDigest, PlainPassword};
pub use password_policy::{PasswordPolicy, PasswordWeakness};
pub use recent_guesses::RecentGuesses;
pub use user::{Credentials, PasswordVersion, User, UserStatus, UserVersion};

pub use crate::id::UserId;
