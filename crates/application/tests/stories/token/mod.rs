//! Access tokens.

mod revocation;
