//! The contracts of the repositories of sessions and revocations.

pub(super) mod repeats;
pub(super) mod repository;
pub(super) mod revocations;
pub(super) mod round_trips;
