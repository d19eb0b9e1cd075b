//! Use cases on tokio, for surfaces of any kind.
//!
//! Use cases are synchronous, because databases and password hashing are. [`Application`] runs them for asynchronous
//! callers on [lanes](executor::Lane): bounded thread pools with a bounded queue, one for what hashes passwords and one for
//! what only uses the store. What is answered from memory (token checks, keys) takes no lane and stays quick when the lanes
//! are full.
//!
//! Nothing in this crate knows of HTTP.

mod application;
mod attempt;
mod audit_summary;
mod client_key;
mod error;
pub mod executor;
mod jitter;
mod jobs;
mod keyed_lock;
mod origin;
mod revocation_cache;
mod scheduler;
mod store;

pub use application::{Application, LanesSettings};
pub use audit_summary::AttemptSummary;
pub use client_key::{ClientKey, client_key};
pub use error::{ExecutorError, RunError, StartError};
pub use jobs::{JobHandler, JobRunner};
pub use keyed_lock::QueueFull;
pub use origin::RequestOrigin;
pub use revocation_cache::{PublishedRevocations, RevocationCache};
pub use scheduler::{PeriodicTask, Scheduler};
