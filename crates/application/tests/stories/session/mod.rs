//! Sessions.

mod logout_and_roles;
mod model;
mod random_refreshes;
mod refresh;
mod repeats;
