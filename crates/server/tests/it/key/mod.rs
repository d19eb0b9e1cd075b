//! Signing and sealing keys.

mod commands;
