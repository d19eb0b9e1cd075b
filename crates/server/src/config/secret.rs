//! Secrets: how they are written, and how they are read from a file.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

use crate::one_line::{has_line_break, one_line};
use crate::trust::{self, Distrust};

/// The most that is read of a file that holds a secret, in bytes.
const MAX_FILE: u64 = 16 * 1024;

/// A value that no error and no log shows.
#[derive(Debug, Clone)]
pub struct Secret(pub SecretString);

impl Secret {
    /// Reads a file that holds one secret; neither a byte order mark nor its final line ending is part of it. Refuses a file
    /// that others may change. Also returns what else is unsafe about it, if anything.
    pub fn read(path: &str) -> Result<(Self, Option<String>), String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        let file = Path::new(path);
        let distrust = trust::judge_mounted(file).map_err(unreadable)?;
        let distrust = distrust.map(|distrust| (distrust, distrust.with_remedy(file).to_string()));
        if let Some((Distrust::Writable { .. }, why)) = distrust {
            return Err(why);
        }
        let text = read_file(path, MAX_FILE)?;
        let line = one_line(&text);
        if has_line_break(line) {
            return Err("has more than one line".into());
        }
        Ok((Self(SecretString::from(line)), distrust.map(|(_, why)| why)))
    }

    /// The secret; an empty one is an error, because it is most likely a variable that was meant to be set.
    pub fn not_empty(self) -> Result<SecretString, String> {
        if self.0.expose_secret().is_empty() {
            Err("it is empty".into())
        } else {
            Ok(self.0)
        }
    }
}

/// Reads a text file of at most `max` bytes.
pub fn read_file(path: &str, max: u64) -> Result<String, String> {
    let read = || {
        let mut text = String::new();
        File::open(path)?.take(max + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text: String = read().map_err(|error: std::io::Error| format!("cannot be read: {error}"))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > max) {
        return Err(format!("longer than {max} bytes"));
    }
    Ok(text)
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(SecretString::from(String::deserialize(deserializer)?)))
    }
}

impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}
