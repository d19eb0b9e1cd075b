//! The repositories of the domain, each implemented for the open transaction [`Work`](crate::work::Work).
//!
//! One row is read with `get_result`, by a key that is unique, and not with `first`: that binds a `LIMIT`, and SQLite plans
//! a statement anew each time a `LIMIT` is bound, which takes five times as long as running it.

mod attempts;
mod events;
mod keys;
mod networks;
mod revocations;
mod rotation;
mod sessions;
mod setup;
mod sweeping;
mod user_page;
mod user_row;
mod users;

#[cfg(feature = "test-support")]
pub(crate) use events::EventRow;
