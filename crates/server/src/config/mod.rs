//! Configuration: one TOML file, overridden by environment variables, overridden by flags.
//!
//! It is read in three steps. Each source becomes a layer that holds known keys only, with values of the right type and
//! within bounds. The `config` crate merges the layers and fills in the defaults. The `sections` check what a value
//! means and build [`Settings`] from it.
//!
//! Whatever is unknown, of the wrong type, out of bounds or contradictory is an error. All errors are reported at once,
//! each with its key and source, and none of them shows a secret.

mod checker;
mod layer;
mod problems;
mod schema;
mod secret;
mod sections;
mod settings;
mod sources;
mod span;
#[cfg(test)]
mod tests;

pub use schema::{Key, Keys, Kind, variable_of};
pub use sections::{
    AuditSettings, KeySettings, PATTERN_KEY, PasswordSettings, ServerSettings, TokenSettings,
};
pub use settings::Settings;
pub use sources::{FILE_VARIABLE, Flag, Sources};
pub use span::Span;

use crate::exit::ExitError;

/// Reads, merges and checks the configuration.
pub fn load(sources: Sources) -> Result<Settings, ExitError> {
    let keys = Keys::new();
    let (layers, problems) = sources.read(&keys);
    problems.check()?;
    let mut merged = config::Config::builder();
    for layer in layers {
        merged = merged.add_source(layer);
    }
    let merged = merged
        .build()
        .map_err(|error| ExitError::configuration(error.to_string()))?;
    Settings::new(merged)
}
