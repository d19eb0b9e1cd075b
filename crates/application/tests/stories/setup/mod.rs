//! Setup.

mod first_administrator;
