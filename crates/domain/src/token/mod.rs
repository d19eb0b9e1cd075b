//! Access tokens: their claims, the ports that sign and verify them, and their revocation before they expire.

mod access_token;
mod claims;
mod log_position;
mod revocation;
mod revocation_check;
mod revocation_list;
mod revocation_log;
mod revoked_digests;

pub use access_token::{AccessToken, AccessTokenSigner, AccessTokenVerifier, SigningError, TokenRejected};
#[cfg(any(test, feature = "mocks"))]
pub use access_token::{MockAccessTokenSigner, MockAccessTokenVerifier};
pub use claims::{AccessClaims, ClaimTimes, UntimelyClaims};
pub use log_position::{LogPage, LogPosition};
pub use revocation::{CLOCK_MARGIN, Revocation, RevocationDigest, Revoked, revocation_digest};
#[cfg(any(test, feature = "mocks"))]
pub use revocation_check::MockRevocationCheck;
pub use revocation_check::{RevocationCheck, RevocationStatus};
pub use revocation_list::{ListContent, RevocationDigests, RevocationList};
#[cfg(any(test, feature = "mocks"))]
pub use revocation_log::MockRevocationLog;
pub use revocation_log::RevocationLog;
pub use revoked_digests::RevokedDigests;
