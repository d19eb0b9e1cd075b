//! The repositories of the domain, each implemented for the open transaction [`Work`](crate::work::Work).

mod attempts;
mod events;
mod keys;
mod revocations;
mod sessions;
mod setup;
mod user_page;
mod user_row;
mod users;
