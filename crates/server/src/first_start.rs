//! What Doorward keeps in files of its own: its directory, the master key made at the first start, and the addresses
//! it listens on.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use doorward_domain::entropy::Entropy as _;
use doorward_keys::MasterKey;

use crate::config::Settings;
use crate::failure::Failure;
use crate::system::OsEntropy;

/// The file in the data directory that holds the master key.
const KEY_FILE: &str = "master.key";

/// The most that is read of a file of ours, in bytes.
const MAX_FILE: u64 = 1024;

/// Makes the data directory, for its owner alone, unless there is one.
pub fn prepare_data_dir(data_dir: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.map_err(|error| {
        Failure::configuration(format!(
            "data_dir: the directory {} cannot be made: {error}",
            data_dir.display()
        ))
    })
}

/// The master key: the one that was given, else, with an embedded database, the one in the data directory, which is
/// made at the first start. Takes the given key out of the settings.
///
/// Never makes a key for a database that already has one: it could open nothing that is in it.
pub fn master_key(settings: &mut Settings) -> Result<MasterKey, Failure> {
    if let Some(given) = settings.keys.master.take() {
        return Ok(given);
    }
    let path = settings.data_dir.join(KEY_FILE);
    let Some(database) = settings.database.url.sqlite_path() else {
        return Err(Failure::configuration(
            "keys.master_key: with PostgreSQL it must be given",
        ));
    };
    // The database is looked for first: whoever makes both makes the key before the database, so a database without a
    // key is not one that another process is just making.
    let is_database_there = fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    if is_database_there {
        return Err(Failure::configuration(format!(
            "the master key {} is missing, and a new one could not open the keys in {}: \
             put the file back, or give the key as keys.master_key",
            path.display(),
            database.display()
        )));
    }
    make_key(&path)
}

/// Reads the master key from its file, if there is one.
fn read_key(path: &Path) -> Result<Option<MasterKey>, Failure> {
    let refuse = |what: String| Failure::configuration(format!("the master key {} {what}", path.display()));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(format!("cannot be read: {error}"))),
    };
    if file
        .metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    {
        tracing::warn!(
            "the master key {} is open to others than its owner: chmod 600 it",
            path.display()
        );
    }
    let mut text = String::new();
    file.take(MAX_FILE)
        .read_to_string(&mut text)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let key = MasterKey::parse(text.trim_end());
    key.map(Some)
        .map_err(|what| refuse(format!("is no good: {what}")))
}

/// Makes a master key and its file. Of several processes that do so at once, one succeeds and the others take its key.
fn make_key(path: &Path) -> Result<MasterKey, Failure> {
    let fail = |error: &dyn core::fmt::Display| {
        Failure::other(format!(
            "the master key {} cannot be made: {error}",
            path.display()
        ))
    };
    let key = MasterKey::generate(&OsEntropy);
    let mut line = key.to_base64().expose_secret().to_owned();
    line.push('\n');
    // A link, unlike a rename, never replaces what is there, and the key is whole before it has its name.
    let temporary = write_temporary(path, &SecretString::from(line), 0o600).map_err(|error| fail(&error))?;
    let linked = fs::hard_link(&temporary, path).and_then(|()| sync_parent(path));
    let removed = fs::remove_file(&temporary);
    match linked.and(removed) {
        Ok(()) => {
            tracing::info!(
                "made the master key {}: keep a copy of it apart from the database",
                path.display()
            );
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| fail(&"it was there and is gone again"))
        }
        Err(error) => Err(fail(&error)),
    }
}

/// One of the two listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The API.
    Public,
    /// Health and metrics.
    Management,
}

impl Listener {
    /// The file in the data directory that tells where it listens.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Public => "listen",
            Self::Management => "management_listen",
        }
    }
}

/// Writes the address that a listener was bound to into the data directory, for whoever started this process with
/// port 0. A reader sees the whole address or none.
pub fn write_bound(data_dir: &Path, listener: Listener, address: SocketAddr) -> Result<(), Failure> {
    let path = data_dir.join(listener.file_name());
    let line = SecretString::from(format!("{address}\n"));
    write_temporary(&path, &line, 0o644)
        .and_then(|temporary| fs::rename(temporary, &path))
        .map_err(|error| Failure::other(format!("{} cannot be written: {error}", path.display())))
}

/// The address that a listener was last bound to, if it was ever bound.
pub fn read_bound(data_dir: &Path, listener: Listener) -> Option<SocketAddr> {
    let text = fs::read_to_string(data_dir.join(listener.file_name())).ok()?;
    text.trim_end().parse().ok()
}

/// Writes a file beside `path`, for those whom `mode` lets, under a name that no other process uses, and makes it durable.
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
        // What matters is why it could not be written; the remains hold nothing that was ever used.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

/// Makes a new name in a directory durable.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tempfile::TempDir;

    use super::*;
    use crate::config::{Sources, load};

    /// The settings for a first start in this directory, with these keys set.
    fn settings(directory: &TempDir, assignments: &[&str]) -> Settings {
        let data_dir = format!("data_dir={}/data", directory.path().display());
        let assignments = assignments
            .iter()
            .map(|&assignment| assignment.to_owned())
            .chain([data_dir])
            .collect();
        load(Sources {
            assignments,
            ..Sources::default()
        })
        .unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// What is in a directory.
    fn names(directory: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_first_start_makes_a_key_for_the_owner_alone_and_the_second_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        let data_dir = settings.data_dir.clone();
        prepare_data_dir(&data_dir).unwrap();
        prepare_data_dir(&data_dir).unwrap();
        let made = master_key(&mut settings).unwrap();
        fs::write(data_dir.join("doorward.db"), "not empty").unwrap();
        let found = master_key(&mut settings).unwrap();
        assert_eq!(
            made.to_base64().expose_secret(),
            found.to_base64().expose_secret()
        );
        assert_eq!(mode(&data_dir), 0o700);
        assert_eq!(mode(&data_dir.join(KEY_FILE)), 0o600);
        assert_eq!(
            names(&data_dir),
            BTreeSet::from([KEY_FILE.to_owned(), "doorward.db".to_owned()])
        );
    }

    #[test]
    fn processes_that_start_at_once_agree_on_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let start = std::sync::Barrier::new(16);
        let keys: Vec<MasterKey> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let mut settings = settings(&directory, &[]);
                        start.wait();
                        prepare_data_dir(&settings.data_dir).unwrap();
                        let key = master_key(&mut settings).unwrap();
                        // As the next step of a start would.
                        fs::write(settings.database.url.sqlite_path().unwrap(), "not empty").unwrap();
                        key
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let different: BTreeSet<_> = keys
            .iter()
            .map(|key| key.to_base64().expose_secret().to_owned())
            .collect();
        assert_eq!(different.len(), 1);
        assert_eq!(
            names(&directory.path().join("data")).len(),
            2,
            "temporary files are left"
        );
    }

    #[test]
    fn no_key_is_made_for_a_database_that_has_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        prepare_data_dir(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join("doorward.db"), "not empty").unwrap();
        let failure = master_key(&mut settings).unwrap_err();
        assert_eq!(failure.status(), 78);
        assert!(
            failure.lines().concat().contains("master.key is missing"),
            "{failure:?}"
        );
        assert_eq!(names(&settings.data_dir).len(), 1);
    }

    #[test]
    fn a_given_key_is_used_and_no_file_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let given = format!(
            "keys.master_key={}",
            MasterKey::generate(&OsEntropy).to_base64().expose_secret()
        );
        let mut settings = settings(&directory, &[&given]);
        prepare_data_dir(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join("doorward.db"), "not empty").unwrap();
        let key = master_key(&mut settings).unwrap();
        assert!(given.ends_with(key.to_base64().expose_secret()));
        assert_eq!(names(&settings.data_dir).len(), 1);
    }

    #[test]
    fn a_damaged_key_file_is_refused_without_being_shown_or_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        prepare_data_dir(&settings.data_dir).unwrap();
        for damaged in ["", "s3cret", "AQID", "not base64!"] {
            fs::write(settings.data_dir.join(KEY_FILE), damaged).unwrap();
            let failure = master_key(&mut settings).unwrap_err();
            assert_eq!(failure.status(), 78);
            assert!(!failure.lines().concat().contains("s3cret"), "{failure:?}");
            assert_eq!(
                fs::read_to_string(settings.data_dir.join(KEY_FILE)).unwrap(),
                damaged
            );
        }
    }

    #[test]
    fn a_data_directory_that_cannot_be_made_is_a_wrong_configuration() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = prepare_data_dir(&file.path().join("data")).unwrap_err();
        assert_eq!(failure.status(), 78);
        assert!(failure.lines().concat().contains("data_dir"), "{failure:?}");
        assert_eq!(prepare_data_dir(file.path()).unwrap_err().status(), 78);
    }

    #[test]
    fn the_address_bound_can_be_read_back() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read_bound(directory.path(), Listener::Public), None);
        for address in ["127.0.0.1:40001", "[::1]:8080"] {
            let address = address.parse().unwrap();
            write_bound(directory.path(), Listener::Public, address).unwrap();
            assert_eq!(read_bound(directory.path(), Listener::Public), Some(address));
        }
        assert_eq!(names(directory.path()), BTreeSet::from(["listen".to_owned()]));
        assert!(
            write_bound(
                Path::new("/absent"),
                Listener::Management,
                ([127, 0, 0, 1], 1).into()
            )
            .is_err()
        );
    }
}
