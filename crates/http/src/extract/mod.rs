//! What handlers are given: the guard, the body, the origin of the request. Each is an argument, so a handler that has
//! one cannot have forgotten it.

mod bearer;
mod json;
mod origin;
mod query;
mod require;

pub(crate) use json::StrictJson;
pub(crate) use origin::Origin;
pub(crate) use query::{StrictQuery, page_size};
pub(crate) use require::{Require, RequireOn};
