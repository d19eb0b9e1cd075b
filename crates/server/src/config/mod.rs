//! Configuration: one TOML file, overridden by environment variables, overridden by flags.
//!
//! It is read in three steps. Each source becomes a layer of keys that exist, with values of the right kind;
//! the `config` crate lays the layers over each other and fills in the defaults of `raw`; `resolve` turns the
//! result into [`Settings`]. Nothing is guessed: what is unknown, of the wrong kind, out of bounds or contradictory is
//! refused, all of it at once, each with its key and where it came from, and never with a secret.

mod context;
mod keys;
mod layer;
mod parse;
mod problems;
mod raw;
mod resolve;
mod scalar;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

pub use keys::{Key, Keys, Kind, variable_of};
pub use scalar::Span;
pub use settings::{
    Argon2Settings, DatabaseSettings, ForwardedHeader, KeySettings, LaneSettings, LogFormat, LogSettings,
    PasswordSettings, Quota, ServerSettings, Settings, SigningAlgorithm, ThrottleSettings, TokenSettings,
};
pub use sources::{FILE_VARIABLE, Flag, Sources};

use crate::failure::Failure;

/// Reads, merges and checks the configuration.
pub fn load(sources: Sources) -> Result<Settings, Failure> {
    let keys = Keys::new();
    let (layers, problems) = sources.read(&keys);
    problems.check()?;
    let mut merged = config::Config::builder();
    for layer in layers {
        merged = merged.add_source(layer);
    }
    let merged = merged
        .build()
        .map_err(|error| Failure::configuration(error.to_string()))?;
    resolve::resolve(merged)
}
