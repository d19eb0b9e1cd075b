//! Password hashing for Doorward: argon2id (RFC 9106) with bounded parameters, and an estimate of password strength.
//!
//! [`Argon2Hasher`] creates PHC strings such as `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>` and also verifies those of
//! other implementations. A stored digest specifies how much memory and time its verification takes, so these parameters are
//! checked against bounds before anything is allocated or run.
//!
//! Hashing blocks for tens of milliseconds and keeps the configured memory on each thread that hashes. This crate starts no
//! threads: the caller decides how many passwords are hashed at once.
//!
//! ```
//! use doorward_domain::password::PlainPassword;
//! use doorward_domain::entropy::Entropy;
//! use doorward_domain::password::{PasswordHasher, Verification};
//! use doorward_password::{Argon2Hasher, Argon2Params, Peppers};
//!
//! # struct Counting;
//! # impl Entropy for Counting {
//! #     fn fill(&self, bytes: &mut [u8]) { bytes.fill(7) }
//! # }
//! # let entropy = Counting;
//! # let password = PlainPassword::new(&"correct horse".into());
//! let params = Argon2Params { memory_kib: 1024, iterations: 1, parallelism: 1 }; // cheap, for this example
//! let hasher = Argon2Hasher::new(params, Peppers::default())?;
//! let digest = hasher.hash(&password, &entropy)?;
//! assert_eq!(hasher.verify(&password, &digest)?, Verification::Match { outdated: false });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod digest;
mod estimator;
mod hasher;
mod memory;
mod settings;

pub use estimator::ZxcvbnEstimator;
pub use hasher::Argon2Hasher;
pub use settings::{Argon2Params, InvalidSetting, Pepper, Peppers};
