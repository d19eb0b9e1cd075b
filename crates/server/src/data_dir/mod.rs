//! The data directory: the directory itself, the master key that the first start creates in it, the addresses that the
//! server listens on, and the check that it and its files are private.

mod bound_address;
mod master_key;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use doorward_domain::entropy::Entropy as _;
use secrecy::{ExposeSecret, SecretString};

pub use bound_address::{Listener, read_bound, write_bound};
pub use master_key::master_key;

use crate::config::Settings;
use crate::exit::ExitError;
use crate::system::OsEntropy;
use crate::trust;

/// The files that SQLite keeps beside a database, by what follows its name.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Creates the data directory, accessible to its owner only, unless it exists. Refuses a SQLite database that others could
/// have put there, changed or read, and directories where they could: see [`trust`]. With PostgreSQL nothing that is secret or
/// decides on access is in the data directory, and it is not checked.
pub fn prepare(settings: &Settings) -> Result<(), ExitError> {
    create(&settings.data_dir)?;
    let Some(database) = settings.database.url.sqlite_path() else {
        return Ok(());
    };
    trust::check_directory("data directory", &settings.data_dir)?;
    if let Some(parent) = database.parent() {
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        trust::check_directory("directory of the database", parent)?;
    }
    trust::check("database", database)?;
    for companion in COMPANIONS {
        let mut name = database.as_os_str().to_owned();
        name.push(companion);
        trust::check("database file", Path::new(&name))?;
    }
    Ok(())
}

fn create(data_dir: &Path) -> Result<(), ExitError> {
    let created = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    created.map_err(|error| {
        ExitError::configuration(format!(
            "data_dir: the directory {} cannot be created: {error}",
            data_dir.display()
        ))
    })
}

/// Writes a file next to `path` with this mode, under a name that no other process uses, and syncs it to disk. Returns its
/// path.
fn write_temporary(path: &Path, content: &SecretString, mode: u32) -> std::io::Result<PathBuf> {
    let mut random = [0; 8];
    OsEntropy.fill(&mut random);
    let mut name = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
    name.push(format!(".{:016x}.tmp", u64::from_ne_bytes(random)));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    let written = file
        .write_all(content.expose_secret().as_bytes())
        .and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The first error is the one to report; the incomplete file has never been used.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of the files in a directory.
    pub(super) fn names(directory: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_data_directory_that_cannot_be_created_is_a_configuration_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = create(&file.path().join("data")).unwrap_err();
        assert_eq!(failure.code(), 78);
        assert!(failure.lines().concat().contains("data_dir"), "{failure:?}");
        assert_eq!(create(file.path()).unwrap_err().code(), 78);
    }
}
