//! Accounts: address, name, roles, status, and the digest of the password.

mod email;
mod name;
mod password_digest;
mod registration;
mod repository;
mod role;
mod user;

pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use name::{DisplayName, InvalidName};
pub use password_digest::PasswordDigest;
pub use registration::RegistrationMode;
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockUserRepository;
pub use repository::{EmailTaken, UserFilter, UserRepository};
pub use role::{InvalidRole, Role, Roles};
pub use user::{Credentials, PasswordVersion, User, UserStatus};
