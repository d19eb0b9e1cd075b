//! Who somebody is and what they may do: the identity, token and role policies of Doorward, as pure code.
//!
//! This crate knows no web server, no database, no serialisation and no clock. Policies are functions of their
//! arguments ([`session::decide`], [`attempt::AttemptPolicy::judge`], [`password::PasswordPolicy::check`]); what has to
//! be done in the world is asked of traits (ports); a use case (crate `doorward-application`) ties the two
//! together and has an error enum of its own. Time comes in as a [`Timestamp`](time::Timestamp) and randomness as
//! [`Entropy`](entropy::Entropy), so everything can be tested at any instant, with any luck.
//!
//! # Checking a role in another service
//!
//! A service that verifies Doorward's access tokens gets [`AccessClaims`](token::AccessClaims) from its verifier. It
//! declares its permissions as types and lets its functions demand the proof:
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
//! /// To read what customers owe.
//! struct ReadInvoices;
//!
//! impl Permission for ReadInvoices {
//!     const NAME: &'static str = "invoices:read";
//!     const HOLDERS: Holders = Holders::Roles(&["billing", Role::ADMIN]);
//! }
//!
//! /// Cannot be called without having checked: nothing but `authorize` makes a `Granted`.
//! fn invoices(reader: &Granted<ReadInvoices>) -> String {
//!     format!("invoices, for {}", reader.principal().subject())
//! }
//!
//! # fn claims(roles: &[&str]) -> AccessClaims {
//! #     AccessClaims {
//! #         subject: Subject::User(UserId::from_bytes([1; 16])), session_id: SessionId::from_bytes([2; 16]),
//! #         token_id: TokenId::from_bytes([3; 16]), subject_version: SubjectVersion::FIRST, email: None,
//! #         roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
//! #         issued_at: Timestamp::from_unix_seconds(0), expires_at: Timestamp::from_unix_seconds(900),
//! #         authentication: Some(Authentication::by_password(Timestamp::from_unix_seconds(0))),
//! #     }
//! # }
//! // `claims` stands for what the verifier found in the token.
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
pub mod context;
pub mod entropy;
pub mod id;
pub mod job;
pub mod key;
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
