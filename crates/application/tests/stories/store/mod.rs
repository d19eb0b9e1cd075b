//! Behaviour of all use cases when the store fails, and retention.

mod outages;
mod retention;
