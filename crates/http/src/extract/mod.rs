//! Extractors: guard, body and query. Each is a handler argument, so the compiler enforces the check.

mod bearer;
mod json;
mod query;
mod require;

pub use json::StrictJson;
pub use query::StrictQuery;
pub use require::{Require, RequireOn, RequireUser};
