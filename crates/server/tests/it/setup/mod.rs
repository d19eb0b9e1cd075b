//! Creating the first administrator.

mod first_administrator;
