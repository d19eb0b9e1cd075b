//! The errors found in a configuration, collected so that all of them are reported at once.

use crate::exit::ExitError;

/// The errors found so far, one line each. A line names the key, the source of its value and what is wrong with it;
/// it never shows a secret.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Adds an error in the value of `key`, which came from `origin`; without an origin it is the default.
    pub fn add(&mut self, key: &str, origin: Option<&str>, what: &str) {
        let origin = origin.unwrap_or("the default");
        self.0.push(format!("{key} (from {origin}): {what}"));
    }

    /// Adds an error in a source as a whole.
    pub fn add_source(&mut self, origin: &str, what: &str) {
        self.0.push(format!("{origin}: {what}"));
    }

    /// Fails if there is any error.
    pub fn check(self) -> Result<(), ExitError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(ExitError::Configuration(self.0))
        }
    }
}
