//! How somebody stays known: sessions, the rotation of refresh tokens, the claims of access tokens.

mod claims;
mod key;
mod key_schedule;
mod published;
mod revocation;
mod rotation;
mod secrets;
mod session;

pub use claims::{AccessClaims, ClaimTimes, UntimelyClaims};
pub use key::{KeyId, KeyPurpose, SealedKey};
pub use key_schedule::{KeyPolicy, KeySchedule, KeyState};
pub use published::RevokedDigests;
pub use revocation::{Revocation, RevocationDigests, RevocationList, Revoked, revocation_digest};
pub use rotation::{Decision, Refusal, decide};
pub use secrets::{AccessToken, PresentedRefreshToken, RefreshToken};
pub use session::{EndReason, Ended, Generation, Session, SessionKey, SessionPolicy};

pub use crate::id::{SessionId, TokenId};
