//! Valid and invalid configurations, from every source.

mod mail;
mod secrets;
mod sources;
mod values;

use std::io::Write;

use super::*;

/// 32 bytes in base64.
const KEY: &str = "mgLxfDNeuEHQbxjkJ4vFkF3uC3KpNsgfZPuNIJdMs1o=";

/// A configuration to load.
#[derive(Default)]
struct Given<'a> {
    toml: &'a str,
    env: &'a [(&'a str, &'a str)],
    set: &'a [&'a str],
}

impl Given<'_> {
    fn load(&self) -> Result<Settings, Vec<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(self.toml.as_bytes()).unwrap();
        let loaded = load(Sources {
            file: Some(file.path().to_owned()),
            variables: self
                .env
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            assignments: self.set.iter().map(|&assignment| assignment.to_owned()).collect(),
            flags: Vec::new(),
        });
        loaded.map_err(|failure| {
            assert_eq!(failure.code(), 78);
            let name = file.path().display().to_string();
            failure
                .lines()
                .iter()
                .map(|line| line.replace(&name, "doorward.toml"))
                .collect()
        })
    }
}

fn toml(toml: &str) -> Result<Settings, Vec<String>> {
    Given {
        toml,
        ..Given::default()
    }
    .load()
}

fn env(env: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    Given {
        env,
        ..Given::default()
    }
    .load()
}

fn set(set: &[&str]) -> Result<Settings, Vec<String>> {
    Given {
        set,
        ..Given::default()
    }
    .load()
}

/// Asserts that a configuration is refused with one line that contains all of `parts`.
fn assert_refused(loaded: Result<Settings, Vec<String>>, parts: &[&str]) {
    let lines = loaded.expect_err(&format!("accepted, but should say {parts:?}"));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    for part in parts {
        assert!(lines[0].contains(part), "{:?} does not say {part:?}", lines[0]);
    }
    assert!(!lines[0].contains('\n'));
}
