//! Doorward's tokens: access tokens that are signed and verified, refresh tokens that are sealed, and the keys for both.
//!
//! - [`Verifier`] verifies access tokens; it needs nothing but a key set.
//! - [`Signer`] signs them: JWTs of type `at+jwt` (RFC 9068), with Ed25519 or P-256.
//! - [`RefreshSealer`] seals refresh tokens, which are opaque to everybody else.
//! - [`KeyRing`] holds the keys, kept in the store and sealed under the [`MasterKey`].
//! - [`HmacAttemptKeys`] names accounts in the table of attempts without telling their addresses.
//!
//! # Verifying access tokens in another service
//!
//! Fetch Doorward's key set (`/.well-known/jwks.json`) when the service starts, and again now and then; keys are
//! published well before they are used. Verifying itself touches no network:
//!
//! ```
//! # use std::sync::Arc;
//! # use doorward_domain::account::{Roles, UserVersion};
//! # use doorward_domain::id::*;
//! # use doorward_domain::key::PublishedKeys;
//! # use doorward_domain::token::AccessTokenSigner;
//! # use doorward_domain::token::AccessClaims;
//! # use doorward_testkit::{MemoryStore, SeededEntropy};
//! # use doorward_domain::key::KeyPolicy;
//! # use doorward_jwt::{Algorithm, KeyRing, KeyRules, MasterKey, Signer};
//! use core::time::Duration;
//!
//! use doorward_domain::access::{Holders, Permission, Principal};
//! use doorward_domain::token::AccessTokenVerifier;
//! use doorward_domain::time::Timestamp;
//! use doorward_jwt::{IssuerAndAudience, Verifier};
//!
//! struct ReadInvoices;
//!
//! impl Permission for ReadInvoices {
//!     const NAME: &'static str = "invoices:read";
//!     const HOLDERS: Holders = Holders::Roles(&["billing", "admin"]);
//! }
//!
//! # let now = Timestamp::from_unix_seconds(1_700_000_000);
//! # let entropy = SeededEntropy::new(1);
//! # let policy = KeyPolicy {
//! #     rotate_every: Duration::from_secs(7_776_000), access_life: Duration::from_secs(905),
//! #     refresh_life: Duration::from_secs(2_592_000),
//! # };
//! # let ring = Arc::new(KeyRing::open(
//! #     &MemoryStore::new(), &MasterKey::generate(&entropy).into(),
//! #     KeyRules { algorithm: Algorithm::EdDsa, policy }, now, &entropy,
//! # )?);
//! # let signer = Signer::new(Arc::clone(&ring), IssuerAndAudience {
//! #     issuer: "https://id.example.org".to_owned(), audience: "doorward".to_owned(),
//! # });
//! # let token = signer.sign(&AccessClaims {
//! #     subject: UserId::generate(now, &entropy), session_id: SessionId::generate(now, &entropy),
//! #     token_id: TokenId::generate(now, &entropy), user_version: UserVersion::FIRST, roles: Roles::admin(),
//! #     email: None, issued_at: now, expires_at: now + Duration::from_secs(900), authenticated_at: now,
//! # })?;
//! # let (key_set, token) = (ring.key_set(), token.expose());
//! // `key_set` is the document that Doorward published, `token` what a client sent, `now` what the clock says.
//! let parties = IssuerAndAudience {
//!     issuer: "https://id.example.org".to_owned(), // the public URL of Doorward
//!     audience: "doorward".to_owned(),
//! };
//! let verifier = Verifier::from_key_set(&key_set, parties, Duration::from_secs(5))?;
//!
//! let principal = Principal::new(verifier.verify(token, now)?);
//! let granted = principal.authorize::<ReadInvoices>()?;
//! println!("{} may read invoices", granted.principal().user_id());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A token that verifies may have been revoked: a service that has to know at once also follows `GET /v1/revocations`.

mod algorithm;
mod attempts;
mod claims;
mod error;
mod jws;
mod key_generation;
mod key_ring;
mod key_set;
mod master_key;
mod public_key;
mod refresh;
mod resealing;
mod sealing;
mod signer;
mod signing_key;
mod stored_keys;
mod verified_tokens;
mod verifier;

pub use algorithm::Algorithm;
pub use attempts::HmacAttemptKeys;
pub use claims::IssuerAndAudience;
pub use error::{CryptoError, OpenError};
pub use key_ring::{KeyRing, KeyRules, RotationReport};
pub use key_set::InvalidKeySet;
pub use master_key::{InvalidMasterKey, MasterKey, MasterKeys};
pub use refresh::RefreshSealer;
pub use resealing::{Resealed, reseal};
pub use signer::Signer;
pub use verifier::Verifier;

/// The page for writers of other verifiers, whose example is compiled and run here.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/verifying-tokens.md")]
struct VerifyingTokens;
