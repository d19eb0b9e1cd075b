//! The source of the master key: the configuration, or a file that the first start creates.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use doorward_keys::MasterKey;
use secrecy::{ExposeSecret, SecretString};

use super::write_temporary;
use crate::config::{PATTERN_KEY, Settings};
use crate::exit::ExitError;
use crate::one_line::one_line;
use crate::system::OsEntropy;
use crate::trust;

/// The file in the data directory that holds the master key.
const KEY_FILE: &str = "master.key";

/// The most that is read of the key file, in bytes.
const MAX_FILE: u64 = 1024;

/// How often an empty key file is read again, and the pause before it.
const EMPTY_READS: u32 = 10;
const EMPTY_PAUSE: Duration = Duration::from_millis(50);

/// Returns the configured master key or, with an embedded database, the one in the data directory, which the first start
/// creates. Takes the configured key out of the settings.
///
/// Never creates a key for an existing database: it could not open the keys in it.
pub fn master_key(settings: &mut Settings) -> Result<MasterKey, ExitError> {
    if let Some(given) = settings.keys.master.take() {
        return Ok(given);
    }
    let path = settings.data_dir.join(KEY_FILE);
    let Some(database) = settings.database.url.sqlite_path() else {
        return Err(ExitError::configuration(
            "keys.master_key: required with PostgreSQL",
        ));
    };
    // Look for the database before the key: every process creates the key first, so that a database without a key is not
    // one that another process is creating right now.
    let database_exists = fs::metadata(database).is_ok_and(|metadata| metadata.len() > 0);
    if let Some(key) = read_key(&path)? {
        return Ok(key);
    }
    if database_exists {
        return Err(ExitError::configuration(format!(
            "the master key {} is missing, and a new one could not open the keys in {}: \
             restore the file, or set keys.master_key",
            path.display(),
            database.display()
        )));
    }
    create_key(&path)
}

/// Reads the master key from its file; `None` if there is no file.
fn read_key(path: &Path) -> Result<Option<MasterKey>, ExitError> {
    let refuse = |what: String| ExitError::configuration(format!("the master key {} {what}", path.display()));
    trust::check("master key", path)?;
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refuse(format!("cannot be read: {error}"))),
    };
    let key = MasterKey::parse(one_line(&text)).map_err(|what| refuse(format!("is invalid: {what}")))?;
    if key.is_pattern() {
        return Err(refuse(format!("is refused: {PATTERN_KEY}")));
    }
    Ok(Some(key))
}

/// Reads the file. Waits a moment if it is empty: without hard links, another process may be about to write it.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    for _ in 0..EMPTY_READS {
        File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
        if !text.is_empty() {
            break;
        }
        std::thread::sleep(EMPTY_PAUSE);
    }
    Ok(text)
}

/// Creates a master key and its file. If several processes do so at once, one succeeds and the others use its key.
fn create_key(path: &Path) -> Result<MasterKey, ExitError> {
    let fail = |error: &dyn core::fmt::Display| {
        ExitError::other(format!(
            "the master key {} cannot be created: {error}",
            path.display()
        ))
    };
    let key = MasterKey::generate(&OsEntropy);
    let mut line = key.to_base64().expose_secret().to_owned();
    line.push('\n');
    match write_new(path, &SecretString::from(line), |from, to| {
        fs::hard_link(from, to)
    }) {
        Ok(()) => {
            tracing::info!(
                path = %path.display(),
                "master key created; keep a backup of it, apart from backups of the database"
            );
            Ok(key)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| fail(&"another process created it and it has been removed since"))
        }
        Err(error) => Err(fail(&error)),
    }
}

/// Writes a file that must not exist yet. `link` makes a hard link.
fn write_new(
    path: &Path,
    content: &SecretString,
    link: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    // A link, unlike a rename, never replaces an existing file, and the file is complete before it has its name.
    let temporary = write_temporary(path, content, 0o600)?;
    let linked = link(&temporary, path);
    let removed = fs::remove_file(&temporary);
    match linked {
        Ok(()) => removed?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // A file system without hard links. Another process may read the file while it is still empty: see `read_key`.
        Err(_) => {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(content.expose_secret().as_bytes())?;
            file.sync_all()?;
        }
    }
    sync_parent(path)
}

/// Syncs the directory of `path` to disk, so that a new name in it lasts.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::config::{Sources, load};
    use crate::data_dir::create;
    use crate::data_dir::tests::names;

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

    /// Creates a file that only its owner may use, whatever the umask of the test.
    fn write(path: &Path, content: &str) {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .unwrap();
        file.write_all(content.as_bytes()).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_creates_a_key_file_for_the_owner_only_and_the_second_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        let data_dir = settings.data_dir.clone();
        create(&data_dir).unwrap();
        create(&data_dir).unwrap();
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
                        create(&settings.data_dir).unwrap();
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
    fn no_key_is_created_for_an_existing_database() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        create(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join("doorward.db"), "not empty").unwrap();
        let failure = master_key(&mut settings).unwrap_err();
        assert_eq!(failure.code(), 78);
        assert!(
            failure.lines().concat().contains("master.key is missing"),
            "{failure:?}"
        );
        assert_eq!(names(&settings.data_dir).len(), 1);
    }

    #[test]
    fn a_configured_key_is_used_and_no_file_is_created() {
        let directory = tempfile::tempdir().unwrap();
        let given = format!(
            "keys.master_key={}",
            MasterKey::generate(&OsEntropy).to_base64().expose_secret()
        );
        let mut settings = settings(&directory, &[&given]);
        create(&settings.data_dir).unwrap();
        fs::write(settings.data_dir.join("doorward.db"), "not empty").unwrap();
        let key = master_key(&mut settings).unwrap();
        assert!(given.ends_with(key.to_base64().expose_secret()));
        assert_eq!(names(&settings.data_dir).len(), 1);
    }

    #[test]
    fn a_file_system_without_hard_links_gets_a_complete_key_file_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEY_FILE);
        let no_links = |_: &Path, _: &Path| Err(io::Error::from(ErrorKind::PermissionDenied));
        let key = MasterKey::generate(&OsEntropy).to_base64();
        write_new(&path, &key, no_links).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), key.expose_secret());
        assert_eq!(mode(&path), 0o600);
        let again = write_new(&path, &SecretString::from("another"), no_links).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(directory.path()), BTreeSet::from([KEY_FILE.to_owned()]));
    }

    #[test]
    fn a_key_file_that_is_still_empty_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEY_FILE);
        let key = MasterKey::generate(&OsEntropy).to_base64();
        write(&path, "");
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_key(&path).unwrap().unwrap());
            std::thread::sleep(Duration::from_millis(80));
            write(&path, key.expose_secret());
            let read = reader.join().unwrap();
            assert_eq!(read.to_base64().expose_secret(), key.expose_secret());
        });
    }

    #[test]
    fn a_damaged_key_file_is_refused_without_being_shown_or_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = settings(&directory, &[]);
        create(&settings.data_dir).unwrap();
        let constant = "A".repeat(43);
        for damaged in ["", "s3cret", "AQID", "not base64!", &constant] {
            write(&settings.data_dir.join(KEY_FILE), damaged);
            let failure = master_key(&mut settings).unwrap_err();
            assert_eq!(failure.code(), 78);
            assert!(!failure.lines().concat().contains("s3cret"), "{failure:?}");
            assert_eq!(
                fs::read_to_string(settings.data_dir.join(KEY_FILE)).unwrap(),
                damaged
            );
        }
    }
}
