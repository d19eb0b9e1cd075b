//! Doorward over HTTP: routes, guards, problems, throttle, OpenAPI.
//!
//! The use cases of `doorward-domain` are synchronous, because databases and password hashing are. This crate crosses
//! over to them once a request, from an asynchronous worker onto a [lane](LaneSettings): a bounded number of threads with
//! a bounded queue, one lane for what hashes passwords and one for what only asks the store. What is answered from
//! memory (token checks, keys, liveness) takes no lane and stays quick when the others are full.
//!
//! [`serve`] is the whole of the public surface: it takes the ports and the settings and answers until it is stopped.

mod app;
mod bodies;
mod client_address;
mod clock;
mod connections;
mod extract;
mod fair_queue;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod keyed_lock;
mod lane;
mod metrics;
mod middleware;
mod openapi;
mod password_attempt;
mod priority;
mod probes;
mod problem;
mod refusals;
mod refused_attempts;
mod revocation_cache;
mod routes;
mod server;
mod throttle;

pub use app::{Policies, Ports};
pub use client_address::{ForwardingHeader, ProxySettings};
pub use clock::Clock;
pub use connections::ConnectionSettings;
pub use lane::{LaneSettings, Priority};
pub use openapi::openapi_json;
pub use server::{Addresses, HttpSettings, Stop, serve};
pub use throttle::{Rate, ThrottleSettings};
