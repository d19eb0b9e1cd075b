//! The table of known keys, derived from the JSON schema of [`RawSettings`].

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::settings::RawSettings;
use super::span::Span;

/// The type of a key's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A table of further keys.
    Table,
    /// A string.
    Text,
    /// A string that no error and no log shows.
    Secret,
    /// A string with a number and a unit, within inclusive bounds.
    Duration {
        /// The shortest.
        min: Span,
        /// The longest.
        max: Span,
    },
    /// A whole number within inclusive bounds.
    Whole {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// `true` or `false`.
    Switch,
    /// A list of strings; in an environment variable or flag they are separated by commas.
    List,
}

/// A key of the configuration.
#[derive(Debug, Clone)]
pub struct Key {
    /// The type of its value.
    pub kind: Kind,
    /// Its meaning, one line of Markdown.
    pub description: String,
    /// Its default, as TOML or in words, in Markdown.
    pub default: Option<String>,
}

/// All keys, tables included, by path (`lane.workers`).
#[derive(Debug)]
pub struct Keys(BTreeMap<String, Key>);

impl Keys {
    /// Derives the keys from the schema.
    pub fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        let schema = settings.into_generator().into_root_schema_for::<RawSettings>();
        let mut keys = BTreeMap::new();
        collect("", schema.as_value(), &mut keys);
        Self(keys)
    }

    /// Returns the key at this path.
    pub fn get(&self, path: &str) -> Option<&Key> {
        self.0.get(path)
    }

    /// Iterates over all keys in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Key)> {
        self.0.iter().map(|(path, key)| (path.as_str(), key))
    }

    /// Returns the key that this environment variable sets, with its path.
    pub fn by_variable(&self, variable: &str) -> Option<(&str, &Key)> {
        self.iter().find(|(path, _)| variable_of(path) == variable)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the environment variable that sets the key at this path.
pub fn variable_of(path: &str) -> String {
    format!("DOORWARD_{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Adds the properties of an object schema to `keys`, recursively.
fn collect(parent: &str, schema: &Value, keys: &mut BTreeMap<String, Key>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        let path = if parent.is_empty() {
            name.clone()
        } else {
            format!("{parent}.{name}")
        };
        collect(&path, property, keys);
        let words = property
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .split_whitespace();
        let description = words.collect::<Vec<_>>().join(" ");
        keys.insert(
            path,
            Key {
                kind: kind_of(property),
                description,
                default: default_of(property),
            },
        );
    }
}

/// Returns the kind that a property's schema describes. An optional property has the type `[kind, "null"]`.
fn kind_of(property: &Value) -> Kind {
    let declared = property.get("type");
    let is = |kind: &str| match declared {
        Some(Value::Array(kinds)) => kinds.iter().any(|one| one == kind),
        Some(one) => one == kind,
        None => false,
    };
    let number = |name: &str| property.get(name).and_then(Value::as_i64);
    let span = |name: &str| {
        property
            .get(name)
            .and_then(Value::as_str)
            .and_then(|text| Span::parse(text).ok())
    };
    if is("integer") {
        Kind::Whole {
            min: number("minimum").unwrap_or(i64::MIN),
            max: number("maximum").unwrap_or(i64::MAX),
        }
    } else if is("boolean") {
        Kind::Switch
    } else if is("array") {
        Kind::List
    } else if is("object") {
        Kind::Table
    } else if property.get("writeOnly").is_some() {
        Kind::Secret
    } else if property.get("format").is_some_and(|format| format == "duration") {
        Kind::Duration {
            min: span("x-min").unwrap_or(Span::seconds(0)),
            max: span("x-max").unwrap_or(Span(core::time::Duration::MAX)),
        }
    } else {
        Kind::Text
    }
}

/// Returns the default of a property: the words of `x-default`, else the value.
fn default_of(property: &Value) -> Option<String> {
    match (property.get("x-default"), property.get("default")) {
        (Some(Value::String(words)), _) => Some(words.clone()),
        (_, None | Some(Value::Null)) => None,
        (_, Some(value)) => Some(format!("`{value}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_duration_is_bounded_and_every_key_described() {
        for (path, key) in Keys::new().iter() {
            assert!(!key.description.is_empty(), "{path} has no description");
            match &key.kind {
                Kind::Whole { min, max } => assert!(*min >= 0 && *max < i64::MAX, "{path} is not bounded"),
                Kind::Duration { max, .. } => assert!(*max <= Span::days(3650), "{path} is not bounded"),
                _ => {}
            }
        }
    }

    #[test]
    fn every_secret_may_be_given_as_a_file() {
        let keys = Keys::new();
        let secrets: Vec<_> = keys
            .iter()
            .filter(|(_, key)| key.kind == Kind::Secret)
            .map(|(path, _)| path)
            .collect();
        assert_eq!(
            secrets,
            [
                "database.url",
                "keys.master_key",
                "keys.previous_master_key",
                "mail.smtp.password",
                "password.pepper",
                "password.previous_pepper",
                "setup.token"
            ]
        );
        for secret in secrets {
            assert_eq!(keys.get(&format!("{secret}_file")).unwrap().kind, Kind::Text);
        }
    }

    #[test]
    fn a_key_is_found_by_its_variable() {
        let keys = Keys::new();
        assert_eq!(
            keys.by_variable("DOORWARD_DATABASE__URL").unwrap().0,
            "database.url"
        );
        assert_eq!(keys.by_variable("DOORWARD_DATA_DIR").unwrap().0, "data_dir");
        assert!(keys.by_variable("DOORWARD_DATABASE_URL").is_none());
        assert!(keys.by_variable("DOORWARD_database__url").is_none());
    }
}
