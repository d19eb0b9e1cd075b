//! Runs use cases on tokio, for any surface.
//!
//! Use cases are synchronous, because databases and password hashing are. [`Application`] runs them for asynchronous
//! callers on [lanes](executor::Lane): bounded thread pools with a bounded queue, one for password hashing and one for
//! storage. Token checks and key sets only need memory: they use no lane and stay fast when the lanes are full.
//!
//! This crate does not depend on HTTP.

mod application;
mod attempt;
mod audit_summary;
mod client_key;
mod error;
pub mod executor;
mod hasher;
mod jitter;
mod jobs;
mod keyed_lock;
mod mail;
mod origin;
mod readiness;
mod rendered_list;
mod revocation_cache;
mod scheduler;
mod store;
mod watched_clock;

pub use application::{Application, LanesSettings};
pub use audit_summary::AttemptSummary;
pub use client_key::{ClientKey, block, client_key};
pub use error::{ExecutorError, RunError, StartError};
pub use jobs::{JobHandler, JobRunner};
pub use keyed_lock::QueueFull;
pub use mail::{MailDelivery, MailDeliverySettings};
pub use origin::RequestOrigin;
pub use rendered_list::RenderedList;
pub use revocation_cache::{PublishedRevocations, RevocationCache};
pub use scheduler::{PeriodicTask, Scheduler};
pub use watched_clock::WatchedClock;
