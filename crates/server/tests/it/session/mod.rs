//! Sessions.

mod lifecycle;
