//! Doorward's server: configuration, command line, logging and what is made at the first start.
//!
//! The binary is a thin shell over [`commands::main`], so that tests reach everything.

pub mod chores;
pub mod cli;
pub mod commands;
pub mod compose;
pub mod config;
pub mod escape;
pub mod failure;
pub mod first_start;
pub mod logging;
pub mod system;
pub mod upkeep;
