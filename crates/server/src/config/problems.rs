//! What is wrong with a configuration, collected so that all of it can be said at once.

use crate::failure::Failure;

/// The problems found so far, a line each. A line names the key, where its value came from and what is wrong with it;
/// it never shows a secret.
#[derive(Debug, Default)]
pub struct Problems(Vec<String>);

impl Problems {
    /// Notes that the value at `key`, which came from `origin` (nowhere: it is a default), is wrong.
    pub fn add(&mut self, key: &str, origin: Option<&str>, what: &str) {
        let origin = origin.unwrap_or("the default");
        self.0.push(format!("{key} (from {origin}): {what}"));
    }

    /// Notes something that is wrong with a source as a whole.
    pub fn add_source(&mut self, origin: &str, what: &str) {
        self.0.push(format!("{origin}: {what}"));
    }

    /// Fails if there is any problem.
    pub fn check(self) -> Result<(), Failure> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Failure::Configuration(self.0))
        }
    }
}
