//! Doorward's keys: stored sealed under a master key and rotated on schedule, and the tokens and hashes made with them.
//!
//! - [`KeyRing`] holds the keys. `doorward-jwt` signs and verifies access tokens with them.
//! - [`MasterKey`] seals what is stored; [`reseal`] moves the stored keys to another master key.
//! - [`RefreshSealer`] seals refresh tokens, which are opaque to clients.
//! - [`HmacAttemptKeys`] derives the keys of attempt records from email addresses, which the records then do not contain.

mod attempt_keys;
mod error;
mod key_ring;
mod master_key;
mod refresh_key;
mod refresh_sealer;
mod resealing;
mod sealing;
mod signing_key;

pub use attempt_keys::HmacAttemptKeys;
pub use error::{CryptoError, KeyOpenError};
pub use key_ring::{KeyRing, KeyRules, RotationReport};
pub use master_key::{InvalidMasterKey, MasterKey, MasterKeys};
pub use refresh_sealer::RefreshSealer;
pub use resealing::{ResealReport, reseal};
