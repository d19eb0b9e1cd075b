//! What the checks of the sections share: the source of each value, and the errors and warnings so far.

use core::fmt::Display;
use std::collections::BTreeMap;

use config::{Value, ValueKind};
use secrecy::SecretString;

use super::problems::Problems;
use super::secret::Secret;

/// The sources of all values, and what the checks have found.
#[derive(Debug)]
pub struct Checker {
    origins: BTreeMap<String, String>,
    /// The errors.
    pub problems: Problems,
    /// What is allowed but unsafe, one line each.
    pub warnings: Vec<String>,
}

impl Checker {
    /// Starts with the sources of the values of a merged configuration.
    pub fn new(merged: &Value) -> Self {
        let mut origins = BTreeMap::new();
        collect_origins("", merged, &mut origins);
        Self {
            origins,
            problems: Problems::default(),
            warnings: Vec::new(),
        }
    }

    /// Whether any source sets the key; otherwise it has its default.
    pub fn is_given(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    /// Adds an error in the value of `key`.
    pub fn refuse(&mut self, key: &str, what: &str) {
        self.problems
            .add(key, self.origins.get(key).map(String::as_str), what);
    }

    /// Adds a warning about the value of `key`.
    pub fn warn(&mut self, key: &str, what: &str) {
        self.warnings.push(format!("{key}: {what}"));
    }

    /// The parsed value; `None`, with an error added, if it is invalid. The caller may continue with any substitute, which
    /// only the checks that follow see: with an error added no settings are built.
    pub fn accept<T>(&mut self, key: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|what| self.refuse(key, &what)).ok()
    }

    /// The one of `choices` that has the name `text`.
    pub fn choice<T: Copy, const N: usize>(
        &mut self,
        key: &str,
        text: &str,
        choices: [(&str, T); N],
    ) -> Option<T> {
        let chosen = choices.iter().find(|(name, _)| *name == text);
        let chosen = chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names = choices.map(|(name, _)| format!("{name:?}"));
            format!("{text:?} is not one of {}", names.join(", "))
        });
        self.accept(key, chosen)
    }

    /// The value of `key`, which must not be more than that of `bound_key`. A default is lowered to the bound, a
    /// configured value is an error.
    pub fn at_most<T: Ord + Copy + Display>(&mut self, key: &str, value: T, bound_key: &str, bound: T) -> T {
        if value > bound && self.is_given(key) {
            let what = format!("{value} is more than {bound_key}, which is {bound}");
            self.refuse(key, &what);
        }
        value.min(bound)
    }

    /// The secret given as `key` or in the file `<key>_file`, parsed; `None` if neither is given or, with an error added,
    /// if it is invalid.
    pub fn secret<T>(
        &mut self,
        key: &str,
        plain: Option<Secret>,
        file: Option<&str>,
        parse: impl FnOnce(&SecretString) -> Result<T, String>,
    ) -> Option<T> {
        let file_key = format!("{key}_file");
        match (plain, file) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                let other = self.origins.get(&file_key).cloned().unwrap_or_default();
                self.refuse(
                    key,
                    &format!("{file_key} (from {other}) is given as well: give one of the two"),
                );
                None
            }
            (Some(secret), None) => {
                let parsed = secret.not_empty().and_then(|secret| parse(&secret));
                self.accept(key, parsed)
            }
            (None, Some(path)) => {
                let parsed = Secret::read(path).and_then(|(secret, warning)| {
                    if let Some(what) = warning {
                        self.warn(&file_key, &format!("{path:?} {what}"));
                    }
                    secret.not_empty().and_then(|secret| parse(&secret))
                });
                self.accept(&file_key, parsed.map_err(|what| format!("{path:?}: {what}")))
            }
        }
    }
}

/// Collects the source of every value that is not a table.
fn collect_origins(parent: &str, value: &Value, origins: &mut BTreeMap<String, String>) {
    if let ValueKind::Table(table) = &value.kind {
        for (name, inner) in table {
            let path = if parent.is_empty() {
                name.clone()
            } else {
                format!("{parent}.{name}")
            };
            collect_origins(&path, inner, origins);
        }
    } else if let Some(origin) = value.origin() {
        origins.insert(parent.to_owned(), origin.to_owned());
    }
}
