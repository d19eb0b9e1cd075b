//! The identity, token and role policies of Doorward as pure code, and the ports to stores and adapters.
//!
//! This crate depends on no web server, database, serialisation or clock. Policies are functions of their arguments
//! ([`session::decide`], [`attempt::AttemptPolicy::judge`], [`password::PasswordPolicy::check`]); effects are behind traits
//! (ports); a use case (crate `doorward-application`) combines the two and has an error enum of its own. Time is passed
//! as a [`Timestamp`](time::Timestamp) and randomness as [`Entropy`](entropy::Entropy), so a test can choose both.
//!
//! # Checking a role in another service
//!
//! A service that verifies Doorward's access tokens gets [`AccessClaims`](token::AccessClaims) from its verifier. It
//! declares its permissions as types, and its functions require the proof:
//!
//! ```
//! use doorward_domain::access::{Forbidden, Granted, Holders, Permission, Principal};
//! use doorward_domain::account::Role;
//! # use doorward_domain::id::*;
//! # use doorward_domain::session::Authentication;
//! # use doorward_domain::time::Timestamp;
//! # use doorward_domain::subject::{Subject, SubjectVersion};
//! # use doorward_domain::token::AccessClaims;
//!
//! /// Read the invoices of customers.
//! struct ReadInvoices;
//!
//! impl Permission for ReadInvoices {
//!     const NAME: &'static str = "invoices:read";
//!     const HOLDERS: Holders = Holders::Roles(&["billing", Role::ADMIN]);
//! }
//!
//! /// Cannot be called without the check: only `authorize` makes a `Granted`.
//! fn invoices(reader: &Granted<ReadInvoices>) -> String {
//!     format!("invoices, for {}", reader.principal().subject())
//! }
//!
//! # fn claims(roles: &[&str]) -> AccessClaims {
//! #     AccessClaims {
//! #         subject: Subject::User(UserId::from_bytes([1; 16])), session_id: SessionId::from_bytes([2; 16]),
//! #         token_id: TokenId::from_bytes([3; 16]), subject_version: SubjectVersion::FIRST, email: None, email_verified: false,
//! #         roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
//! #         issued_at: Timestamp::from_unix_seconds(0), expires_at: Timestamp::from_unix_seconds(900),
//! #         authentication: Some(Authentication::by_password(Timestamp::from_unix_seconds(0))),
//! #     }
//! # }
//! // `claims` stands for the claims that the verifier returned.
//! let clerk = Principal::new(claims(&["user", "billing"]));
//! let guest = Principal::new(claims(&["user"]));
//!
//! let granted = clerk.authorize::<ReadInvoices>()?;
//! assert!(invoices(&granted).starts_with("invoices"));
//! assert_eq!(guest.authorize::<ReadInvoices>().unwrap_err(), Forbidden { permission: "invoices:read" });
//! # Ok::<(), Forbidden>(())
//! ```

pub mod access;
pub mod account;
pub mod attempt;
pub mod audit;
pub mod client;
pub mod clock;
pub mod context;
pub mod entropy;
pub mod id;
pub mod job;
pub mod key;
pub mod mail;
#[cfg(any(test, feature = "mocks"))]
pub mod mock_store;
pub mod outcome;
pub mod password;
pub mod patch;
pub mod session;
pub mod setup;
pub mod store;
pub mod store_error;
pub mod subject;
pub mod time;
pub mod token;
pub mod validation;
mod words;
