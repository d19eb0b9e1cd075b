//! The sources of configuration: a file, the environment, the command line. Later ones override earlier ones.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::layer::{Layer, Reader};
use super::problems::Problems;
use super::schema::Keys;
use crate::one_line::{one_line, without_mark};

/// The file that is read if none is named and this one exists.
const DEFAULT_FILE: &str = "doorward.toml";

/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "DOORWARD_CONFIG";

/// The prefix of all environment variables that set a key.
const PREFIX: &str = "DOORWARD_";

/// The prefixes of variables that control the test suite. The server ignores them.
const IGNORED_PREFIXES: [&str; 2] = ["DOORWARD_TEST_", "DOORWARD_REQUIRE_"];

/// The sources of configuration. The caller reads the environment and the arguments of the process, so that tests can
/// pass others.
#[derive(Default)]
pub struct Sources {
    /// The file named on the command line.
    pub file: Option<PathBuf>,
    /// The environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The values of `--set`: `key=value`.
    pub assignments: Vec<String>,
    /// Flags that set one key each.
    pub flags: Vec<Flag>,
}

/// A flag that sets one key.
pub struct Flag {
    /// The flag, such as `--listen`.
    pub name: &'static str,
    /// The key it sets.
    pub key: &'static str,
    /// The value.
    pub value: String,
}

impl Sources {
    /// Reads all sources into layers, in ascending order of precedence, and collects the errors.
    pub fn read(self, keys: &Keys) -> (Vec<Layer>, Problems) {
        let mut reader = Reader {
            keys,
            problems: Problems::default(),
        };
        let variable = |name: &str| self.variables.iter().find(|(variable, _)| variable == name);
        let named = self.file.or_else(|| {
            variable(FILE_VARIABLE).map(|(_, path)| {
                path.to_str()
                    .map_or_else(|| path.into(), |path| one_line(path).into())
            })
        });
        let layers = vec![
            read_file(&mut reader, named),
            read_variables(&mut reader, self.variables),
            read_flags(&mut reader, &self.assignments, &self.flags),
        ];
        (layers, reader.problems)
    }
}

/// Reads the named file, which must exist, or the default file, which may be absent.
fn read_file(reader: &mut Reader<'_>, named: Option<PathBuf>) -> Layer {
    let may_be_absent = named.is_none();
    let path = named.unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let origin = format!("file {}", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) => reader.toml(&origin, without_mark(&text)),
        Err(error) if may_be_absent && error.kind() == ErrorKind::NotFound => Layer::default(),
        Err(error) => {
            reader
                .problems
                .add_source(&origin, &format!("cannot be read: {error}"));
            Layer::default()
        }
    }
}

/// Reads the variables with the prefix, each of which must set a key.
fn read_variables(reader: &mut Reader<'_>, mut variables: Vec<(OsString, OsString)>) -> Layer {
    let mut layer = Layer::default();
    // In this order a table comes before the keys in it, which are more specific and override it.
    variables.sort();
    for (name, value) in variables {
        let name = name.to_string_lossy().into_owned();
        let is_ignored =
            name == FILE_VARIABLE || IGNORED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if !name.starts_with(PREFIX) || is_ignored || is_service_link(&name, &value.to_string_lossy()) {
            continue;
        }
        let keys = reader.keys;
        let Some((path, key)) = keys.by_variable(&name) else {
            reader.unknown_variable(&name);
            continue;
        };
        let origin = format!("environment variable {name}");
        match value.into_string() {
            Ok(text) => reader.text(&mut layer, path, key, &text, &origin),
            Err(_) => reader.problems.add(path, Some(&origin), "not UTF-8"),
        }
    }
    layer
}

/// Whether Kubernetes set the variable: it gives every pod variables named after each service, so that a service called
/// `doorward` would otherwise keep Doorward from starting. The value distinguishes it from a mistake such as
/// `DOORWARD_PORT=8080`.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_of_a_port = ["_TCP", "_UDP", "_SCTP"]
        .iter()
        .any(|protocol| name.contains(protocol));
    !name.contains("__")
        && (name.ends_with("_SERVICE_HOST")
            || name.contains("_SERVICE_PORT")
            || (name.ends_with("_PORT") && is_address)
            || (name.contains("_PORT_") && is_of_a_port))
}

/// Reads the flags: `--set` in the given order, then the flags that set one key.
fn read_flags(reader: &mut Reader<'_>, assignments: &[String], flags: &[Flag]) -> Layer {
    let mut layer = Layer::default();
    let keys = reader.keys;
    for assignment in assignments {
        // Without a `=` all of it may be a secret, so nothing of it is shown.
        let Some((path, value)) = assignment.split_once('=') else {
            reader.problems.add_source("flag --set", "write it as KEY=VALUE");
            continue;
        };
        match keys.get(path) {
            Some(key) => reader.text(&mut layer, path, key, value, "flag --set"),
            None => reader.unknown_key(path, "flag --set"),
        }
    }
    for flag in flags {
        let origin = format!("flag {}", flag.name);
        if let Some(key) = keys.get(flag.key) {
            reader.text(&mut layer, flag.key, key, &flag.value, &origin);
        }
    }
    layer
}
