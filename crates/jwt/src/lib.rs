//! Doorward's access tokens: signed, verified, and the key sets that publish their keys.
//!
//! - [`Verifier`] verifies access tokens; it needs nothing but a key set.
//! - [`Signer`] signs them: JWTs of type `at+jwt` (RFC 9068), with Ed25519 or P-256. It signs tokens of any other
//!   [`TokenType`] with the same keys.
//!
//! Where the private keys come from is up to the implementation of [`SigningKeys`]; Doorward's own is in `doorward-keys`.
//!
//! # Verifying access tokens in another service
//!
//! Fetch Doorward's key set (`/.well-known/jwks.json`) when the service starts, and again at intervals; keys are published
//! well before they are used. Verifying itself uses no network:
//!
//! ```
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
//! # let key_set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"S7Z13k9jdqthc3Az1wFWDkQ0vh1nNlYq4puINbdjzSQ","kid":"3JIVdvlcq3DwGm2W1t7e_a1fzfvyIK6Uzej6FzzB7WQ","alg":"EdDSA","use":"sig"}]}"#;
//! # let token = concat!(
//! #     "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjNKSVZkdmxjcTNEd0dtMlcxdDdlX2ExZnpmdnlJ",
//! #     "SzZVemVqNkZ6ekI3V1EifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoiMDAwMDAwMDctM",
//! #     "DBmZi03MDAwLTgwMDAtMDAwMTdmODBmZWZmIiwiYXVkIjoiZG9vcndhcmQiLCJjbGllbnRfaWQiOiJkb29yd2FyZ",
//! #     "CIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwOTAwLCJqdGkiOiIwMzAzMDMwMy0wMzAzLTAzMDMtMDMwM",
//! #     "y0wMzAzMDMwMzAzMDMiLCJzaWQiOiIwMjAyMDIwMi0wMjAyLTAyMDItMDIwMi0wMjAyMDIwMjAyMDIiLCJ2ZXIiO",
//! #     "jQsInJvbGVzIjpbImFkbWluIiwidXNlciJdLCJlbWFpbCI6IkFkYUBFeGFtcGxlLm9yZyIsImF1dGhfdGltZSI6M",
//! #     "TY5OTk5OTk0MCwiYW1yIjpbInB3ZCJdfQ.xKSpUyTtV6RZZFDnnSsmZjthY4tOQDzwJqtWsi4MMLLovmvH-uLrmv",
//! #     "AWxru2j5pXfLEDs4NRqh95oP7NSYK-AQ",
//! # );
//! // `key_set` is the document that Doorward published, `token` what a client sent, `now` the current time.
//! let parties = IssuerAndAudience {
//!     issuer: "https://id.example.org".to_owned(), // the public URL of Doorward
//!     audience: "doorward".to_owned(),
//! };
//! let verifier = Verifier::from_key_set(key_set, parties, Duration::from_secs(5))?;
//!
//! let principal = Principal::new(verifier.verify(token, now)?);
//! let granted = principal.authorize::<ReadInvoices>()?;
//! println!("{} may read invoices", granted.principal().subject());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A verified token may have been revoked: a service that has to reject it within seconds also polls `GET /v1/revocations`.

mod algorithm;
mod claims;
mod jws;
mod key_set;
mod ports;
mod public_key;
mod rejection;
mod signer;
mod token_type;
mod verified_tokens;
mod verifier;

pub use algorithm::Algorithm;
pub use claims::IssuerAndAudience;
pub use key_set::{InvalidKeySet, key_set_document};
pub use ports::{SigningKey, SigningKeys, VerificationKeys};
pub use public_key::{InvalidPublicKey, PublicKey};
pub use signer::Signer;
pub use token_type::TokenType;
pub use verifier::Verifier;

/// Compiles and runs the example on the page about verifying tokens.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/verifying-tokens.md")]
struct VerifyingTokens;
