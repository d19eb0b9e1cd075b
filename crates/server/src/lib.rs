//! Doorward's server: configuration, command line, logging, and the composition of all crates into one program.
//!
//! The binary only calls [`commands::main`], so that tests reach everything.

pub mod cli;
pub mod commands;
pub mod compose;
pub mod config;
pub mod data_dir;
pub mod escape;
pub mod exit;
pub mod logging;
pub mod maintenance;
pub mod one_line;
pub mod resources;
pub mod system;
pub mod trust;
