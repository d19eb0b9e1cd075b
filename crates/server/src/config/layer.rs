//! One source of configuration, checked against the table of known keys.
//!
//! A layer holds only known keys with values of the right type, each with its source; everything else becomes an error.
//! The `config` crate merges the layers.

use core::fmt;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::problems::Problems;
use super::schema::{Key, Keys, Kind, variable_of};
use super::span::Span;
use crate::one_line::{has_line_break, one_line};

/// The least similarity to an unknown name (Jaro-Winkler, 0 to 1) at which a known one is suggested.
const MIN_SIMILARITY: f64 = 0.9;

/// The keys and values of one source.
#[derive(Clone, Default)]
pub struct Layer(Map<String, Value>);

impl fmt::Debug for Layer {
    /// Omits the values: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").finish_non_exhaustive()
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Reads sources into layers and collects the errors.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The known keys.
    pub keys: &'a Keys,
    /// The errors so far.
    pub problems: Problems,
}

impl Reader<'_> {
    /// Reads the text of a TOML file; `origin` names the file in errors.
    pub fn toml(&mut self, origin: &str, text: &str) -> Layer {
        let mut layer = Layer::default();
        match parse_toml(text) {
            Ok(table) => self.take_table(&mut layer, "", table, origin),
            Err(what) => self.problems.add_source(origin, &what),
        }
        layer
    }

    /// Adds one value to `layer`, written as plain text in an environment variable or a flag. A final line ending, as a file
    /// has that a variable was set from, is not part of it.
    pub fn text(&mut self, layer: &mut Layer, path: &str, key: &Key, text: &str, origin: &str) {
        match parse_text(&key.kind, one_line(text)) {
            Ok(kind) => self.take(layer, path, Value::new(None, kind), origin),
            Err(what) => self.problems.add(path, Some(origin), &what),
        }
    }

    /// Adds an error for an unknown key, with a suggestion.
    pub fn unknown_key(&mut self, path: &str, origin: &str) {
        let known = self.keys.iter().map(|(known, _)| known.to_owned());
        let what = format!("there is no such key{}", suggestion(path, known));
        self.problems.add(path, Some(origin), &what);
    }

    /// Adds an error for an unknown environment variable, with a suggestion.
    pub fn unknown_variable(&mut self, variable: &str) {
        let known = self.keys.iter().map(|(known, _)| variable_of(known));
        let what = format!("there is no such setting{}", suggestion(variable, known));
        self.problems
            .add_source(&format!("environment variable {variable}"), &what);
    }

    fn take_table(&mut self, layer: &mut Layer, parent: &str, table: Map<String, Value>, origin: &str) {
        let mut entries: Vec<_> = table.into_iter().collect();
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, value) in entries {
            let path = if parent.is_empty() {
                name.clone()
            } else {
                format!("{parent}.{name}")
            };
            // A quoted name that contains a dot is one name, although it looks like a path.
            if name.contains('.') {
                self.unknown_key(&format!("{path:?}"), origin);
            } else {
                self.take(layer, &path, value, origin);
            }
        }
    }

    fn take(&mut self, layer: &mut Layer, path: &str, value: Value, origin: &str) {
        let Some(key) = self.keys.get(path) else {
            return self.unknown_key(path, origin);
        };
        match (&key.kind, value.kind) {
            (Kind::Table, ValueKind::Table(table)) => self.take_table(layer, path, table, origin),
            (kind, value) => match check(kind, &value) {
                Ok(()) => insert(&mut layer.0, path, Value::new(Some(&origin.to_owned()), value)),
                Err(what) => self.problems.add(path, Some(origin), &what),
            },
        }
    }
}

/// Parses TOML. The error has line and column but not the text, which may contain a secret.
fn parse_toml(text: &str) -> Result<Map<String, Value>, String> {
    let cause = match File::from_str(text, FileFormat::Toml).collect() {
        Ok(table) => return Ok(table),
        Err(ConfigError::FileParse { cause, .. }) => cause,
        Err(other) => return Err(other.to_string()),
    };
    let Some(error) = cause.downcast_ref::<toml::de::Error>() else {
        return Err(format!("not TOML: {cause}"));
    };
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .chars()
        .rev()
        .take_while(|character| *character != '\n')
        .count()
        + 1;
    Err(format!(
        "line {line}, column {column} is not TOML: {}",
        error.message()
    ))
}

/// Parses plain text as the type of its key. A string is taken as it is, whatever it looks like.
fn parse_text(kind: &Kind, text: &str) -> Result<ValueKind, String> {
    match kind {
        Kind::Text | Kind::Secret | Kind::Duration { .. } => Ok(ValueKind::String(text.to_owned())),
        Kind::Whole { .. } => match text.parse() {
            Ok(number) => Ok(ValueKind::I64(number)),
            Err(_) => Err(format!("{text:?} is not a whole number")),
        },
        Kind::Switch => match text.parse() {
            Ok(on) => Ok(ValueKind::Boolean(on)),
            Err(_) => Err(format!("{text:?} is neither true nor false")),
        },
        Kind::List if text.trim().is_empty() => Ok(ValueKind::Array(Vec::new())),
        Kind::List => Ok(ValueKind::Array(
            text.split(',').map(|item| Value::from(item.trim())).collect(),
        )),
        Kind::Table => {
            let mut table = parse_toml(&format!("value = {text}")).unwrap_or_default();
            match table.remove("value") {
                Some(Value {
                    kind: inner @ ValueKind::Table(_),
                    ..
                }) if table.is_empty() => Ok(inner),
                _ => Err("must be a table of keys: set them one by one, or write { key = value, … }".into()),
            }
        }
    }
}

/// Checks that a value has its key's type and is within its bounds. The error omits a value that may be a secret.
fn check(kind: &Kind, value: &ValueKind) -> Result<(), String> {
    match (kind, value) {
        (Kind::Text | Kind::Secret, ValueKind::String(text)) if has_line_break(text) => {
            Err("has more than one line".into())
        }
        (Kind::Text | Kind::Secret, ValueKind::String(_)) | (Kind::Switch, ValueKind::Boolean(_)) => Ok(()),
        (Kind::Duration { min, max }, ValueKind::String(text)) => {
            let span = Span::parse(text)?;
            if span < *min || span > *max {
                return Err(format!("{text:?} is not between \"{min}\" and \"{max}\""));
            }
            Ok(())
        }
        (Kind::Whole { min, max }, ValueKind::I64(number)) => {
            if number < min || number > max {
                return Err(format!("{number} is not between {min} and {max}"));
            }
            Ok(())
        }
        (Kind::List, ValueKind::Array(items))
            if items.iter().all(|item| matches!(item.kind, ValueKind::String(_))) =>
        {
            Ok(())
        }
        (Kind::Table, _) => Err("must be a table of keys, not a value".into()),
        (Kind::Text | Kind::Secret, _) => Err("must be a string, in quotes".into()),
        (Kind::Duration { .. }, _) => {
            Err("must be a string with a unit, such as \"10s\", \"15m\" or \"30d\"".into())
        }
        (Kind::Whole { .. }, _) => Err("must be a whole number, without quotes".into()),
        (Kind::Switch, _) => Err("must be true or false, without quotes".into()),
        (Kind::List, _) => Err("must be a list of strings, such as [\"192.0.2.7\"]".into()),
    }
}

/// Inserts a value at a path, and creates the tables on the way.
fn insert(table: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((head, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let inner = table
        .entry(head.to_owned())
        .or_insert_with(|| Value::from(Map::<String, Value>::new()));
    if let ValueKind::Table(inner) = &mut inner.kind {
        insert(inner, rest, value);
    }
}

/// Returns the most similar known name as the end of a sentence, or nothing if none is similar enough.
fn suggestion(written: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|name| (strsim::jaro_winkler(written, &name), name))
        .filter(|(alike, _)| *alike >= MIN_SIMILARITY)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map_or_else(String::new, |(_, name)| format!("; did you mean {name}?"))
}
