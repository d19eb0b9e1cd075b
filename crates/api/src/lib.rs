//! Doorward's JSON API: routes, bodies, problems and the OpenAPI document.
//!
//! [`Api`] is the surface that the server registers with its listeners. Its routes are in one table (`routes.rs`); the
//! OpenAPI document takes `security` and `x-permission` from that table.

mod account;
mod audit;
mod key;
mod openapi;
mod operation;
mod problem;
mod routes;
mod session;
mod setup;
mod surface;
mod token;
mod wire;

pub use account::user_json;
pub use openapi::openapi_json;
pub use surface::Api;
