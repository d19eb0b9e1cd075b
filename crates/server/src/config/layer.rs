//! One source of configuration, read against the table of known keys.
//!
//! A layer holds only keys that exist with values of the right kind, each with where it came from; what is wrong is
//! noted by name. The layers are then laid over each other by the `config` crate.

use core::fmt;

use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};

use super::keys::{Key, Keys, Kind, variable_of};
use super::problems::Problems;
use super::scalar::Span;

/// How alike a misspelt name and a known one must be (Jaro-Winkler, 0 to 1) for the known one to be suggested.
const ALIKE: f64 = 0.9;

/// What one source says.
#[derive(Clone, Default)]
pub struct Layer(Map<String, Value>);

impl fmt::Debug for Layer {
    /// Shows no values: they may be secrets.
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

/// Reads sources and notes what is wrong with them.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The keys there are.
    pub keys: &'a Keys,
    /// What is wrong so far.
    pub problems: Problems,
}

impl Reader<'_> {
    /// Reads a TOML file; `origin` is its name.
    pub fn toml(&mut self, origin: &str, text: &str) -> Layer {
        let mut layer = Layer::default();
        match parse_toml(text) {
            Ok(table) => self.take_table(&mut layer, "", table, origin),
            Err(what) => self.problems.add_source(origin, &what),
        }
        layer
    }

    /// Reads one value written as plain text, from an environment variable or a flag, into `layer`.
    pub fn text(&mut self, layer: &mut Layer, path: &str, key: &Key, text: &str, origin: &str) {
        match parse_text(&key.kind, text) {
            Ok(kind) => self.take(layer, path, Value::new(None, kind), origin),
            Err(what) => self.problems.add(path, Some(origin), &what),
        }
    }

    /// Notes a key that does not exist, and what may have been meant.
    pub fn unknown_key(&mut self, path: &str, origin: &str) {
        let known = self.keys.iter().map(|(known, _)| known.to_owned());
        let what = format!("there is no such key{}", suggestion(path, known));
        self.problems.add(path, Some(origin), &what);
    }

    /// Notes an environment variable that sets nothing, and what may have been meant.
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
            // A quoted name with a dot in it is one name, although it reads like a path.
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

/// Parses TOML. The error tells the place but not the line's text, which may hold a secret.
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

/// Reads plain text as the kind of value that its key takes. A string stays exactly as it is, whatever it looks like.
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
                _ => Err(
                    "this is a table of keys: set them one by one, or write it as { key = value, … }".into(),
                ),
            }
        }
    }
}

/// Checks that a value is of its key's kind and within its bounds. The error says what is wrong without the value when
/// it could be a secret.
fn check(kind: &Kind, value: &ValueKind) -> Result<(), String> {
    match (kind, value) {
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
        (Kind::Table, _) => Err("this is a table of keys, not a value".into()),
        (Kind::Text | Kind::Secret, _) => Err("this must be a string, in quotes".into()),
        (Kind::Duration { .. }, _) => {
            Err("this must be a string with a unit, such as \"10s\", \"15m\" or \"30d\"".into())
        }
        (Kind::Whole { .. }, _) => Err("this must be a whole number, without quotes".into()),
        (Kind::Switch, _) => Err("this must be true or false, without quotes".into()),
        (Kind::List, _) => Err("this must be a list of strings, such as [\"10.0.0.0/8\"]".into()),
    }
}

/// Puts a value at a path of which every part but the last is a table.
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

/// The known name most like the one written, as the end of a sentence; empty when none is like it.
fn suggestion(written: &str, known: impl Iterator<Item = String>) -> String {
    known
        .map(|name| (strsim::jaro_winkler(written, &name), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map_or_else(String::new, |(_, name)| format!("; did you mean {name}?"))
}
