//! What handlers are given: the guard, the body, the query. Each is an argument, so a handler that has one cannot have
//! forgotten it.

mod bearer;
mod json;
mod query;
mod require;

pub use json::StrictJson;
pub use query::StrictQuery;
pub use require::{Require, RequireOn, RequireUser};
