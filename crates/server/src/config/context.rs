//! What the checks of single settings share: where each value came from, and what is wrong or unwise so far.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use config::{Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};

use super::problems::Problems;
use super::scalar::Secret;

/// The most that is read of a file that holds one secret, in bytes.
const MAX_SECRET: u64 = 16 * 1024;

/// Where values came from, and what has been found about them.
#[derive(Debug)]
pub struct Context {
    origins: BTreeMap<String, String>,
    /// What is wrong.
    pub problems: Problems,
    /// What is allowed but unwise.
    pub warnings: Vec<String>,
}

impl Context {
    /// Notes where the values of a merged configuration came from.
    pub fn new(merged: &Value) -> Self {
        let mut origins = BTreeMap::new();
        collect_origins("", merged, &mut origins);
        Self {
            origins,
            problems: Problems::default(),
            warnings: Vec::new(),
        }
    }

    /// Whether the key was given by any source; else its value is a default.
    pub fn is_given(&self, key: &str) -> bool {
        self.origins.contains_key(key)
    }

    /// Notes that the value at `key` is wrong.
    pub fn refuse(&mut self, key: &str, what: &str) {
        self.problems
            .add(key, self.origins.get(key).map(String::as_str), what);
    }

    /// Notes that the value at `key` is allowed but unwise.
    pub fn warn(&mut self, key: &str, what: &str) {
        self.warnings.push(format!("{key}: {what}"));
    }

    /// The value that was parsed; `None` with a problem noted when it is no good. Whatever takes its place is only for
    /// the checks that follow: with a problem noted, no settings are made.
    pub fn accept<T>(&mut self, key: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|what| self.refuse(key, &what)).ok()
    }

    /// The secret given as `key` or in the file `key_file`, parsed; `None` when neither was given or, with a problem
    /// noted, when it is no good.
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
            (Some(Secret(secret)), None) => {
                let parsed = not_empty(secret).and_then(|secret| parse(&secret));
                self.accept(key, parsed)
            }
            (None, Some(path)) => {
                let parsed = read_secret(path)
                    .and_then(not_empty)
                    .and_then(|secret| parse(&secret));
                self.accept(&file_key, parsed.map_err(|what| format!("{path:?}: {what}")))
            }
        }
    }
}

/// Reads a file that holds one secret; its final line ending is not part of it.
fn read_secret(path: &str) -> Result<SecretString, String> {
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(MAX_SECRET + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text: String = read().map_err(|error: std::io::Error| format!("cannot be read: {error}"))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_SECRET) {
        return Err(format!("longer than {MAX_SECRET} bytes"));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(SecretString::from(line.strip_suffix('\r').unwrap_or(line)))
}

/// An empty secret is a variable that was meant to be set: never a secret.
fn not_empty(secret: SecretString) -> Result<SecretString, String> {
    if secret.expose_secret().is_empty() {
        Err("it is empty".into())
    } else {
        Ok(secret)
    }
}

/// Notes the origin of every value that is not a table.
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
