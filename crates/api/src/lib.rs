//! Doorward's JSON API: routes, bodies, problems and their document.
//!
//! [`Api`] is the surface that the server's listeners are given. Its routes are in one table, from which the OpenAPI
//! document takes who may call what.

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

pub use openapi::openapi_json;
pub use surface::Api;
