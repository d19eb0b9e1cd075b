//! Doorward's server: configuration, command line, logging and what is made at the first start.

pub mod config;
pub mod escape;
pub mod failure;
pub mod first_start;
pub mod logging;
