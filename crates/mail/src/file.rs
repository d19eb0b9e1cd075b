use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use doorward_domain::clock::ClockReading;
use doorward_domain::id::MailId;
use doorward_domain::time::Timestamp;

/// The most files that are kept; the oldest are deleted.
const MAX_FILES: usize = 1_000;

/// How long a file is kept.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Where mails are written to instead of being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// The folder. Created, accessible to its owner only, when the first mail is written.
    pub folder: PathBuf,
}

impl FileSettings {
    /// How long writing a mail may take; disks answer or fail sooner.
    pub(crate) const LONGEST_ATTEMPT: Duration = Duration::from_secs(20);

    /// Writes a mail to `<id>.eml`, readable by the owner only, and deletes old ones. Returns its path.
    ///
    /// The file appears complete or not at all; a mail that is written again replaces its own file.
    pub(crate) fn write(&self, id: MailId, bytes: &[u8], clock: ClockReading) -> io::Result<PathBuf> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let path = self.folder.join(format!("{id}.eml"));
        // Two workers may write the same mail at once: each has a temporary file of its own, and both are complete.
        let temporary = self
            .folder
            .join(format!(".{id}.{}.{}.tmp", std::process::id(), thread_number()));
        let written = create(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
        if let Err(error) = written {
            // The first error is the one to report.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        // Otherwise a crash of the machine may lose the new name, and the mail counts as sent.
        File::open(&self.folder)?.sync_all()?;
        self.delete_old(clock)?;
        Ok(path)
    }

    /// Deletes the files that are too old, if the clock tells it, or too many. Other files in the folder stay.
    fn delete_old(&self, clock: ClockReading) -> io::Result<()> {
        let mut mails = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if is_mail(&path) {
                mails.push(path);
            }
        }
        // Ids sort by time.
        mails.sort_unstable();
        let surplus = mails.len().saturating_sub(MAX_FILES);
        for (place, path) in mails.iter().enumerate() {
            let written = fs::metadata(path).and_then(|data| data.modified());
            let is_old = written.is_ok_and(|written| clock.now.since(timestamp(written)) > KEPT);
            if place < surplus || is_old && clock.tells_age() {
                match fs::remove_file(path) {
                    // Another process does the same.
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn is_mail(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    path.extension().is_some_and(|extension| extension == "eml")
        && stem.is_some_and(|stem| MailId::parse(stem).is_ok())
}

/// The time of a file. One before 1970 counts as 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Tells the threads of this process apart.
fn thread_number() -> String {
    let id = format!("{:?}", std::thread::current().id());
    id.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use doorward_domain::clock::ClockWatch;

    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const NOW: ClockReading = ClockReading::trusted(START);

    /// The path of a mail that was written at this time.
    fn written_at(folder: &Path, number: usize, at: Timestamp) -> PathBuf {
        let path = folder.join(format!("{}.eml", id(number)));
        let since = Duration::from_secs(at.as_unix_seconds().unsigned_abs());
        let file = File::create(&path).unwrap();
        file.set_modified(UNIX_EPOCH + since).unwrap();
        path
    }

    fn id(number: usize) -> MailId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        MailId::from_bytes(bytes)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_mail_is_a_file_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("mail");
        let settings = FileSettings {
            folder: folder.clone(),
        };
        let path = settings.write(id(1), b"first", NOW).unwrap();
        settings.write(id(1), b"again", NOW).unwrap();
        assert_eq!(names(&folder), [format!("{}.eml", id(1))]);
        assert_eq!(fs::read(&path).unwrap(), b"again");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
    }

    #[test]
    fn the_oldest_files_are_deleted_and_those_of_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().to_owned();
        let settings = FileSettings {
            folder: folder.clone(),
        };
        let others = ["notes.eml".to_owned(), format!("{}.txt", id(0))];
        for name in &others {
            File::create(folder.join(name)).unwrap();
        }
        for number in 1..=MAX_FILES {
            written_at(&folder, number, START);
        }
        written_at(&folder, 500, START - KEPT - Duration::from_secs(1));
        settings.write(id(MAX_FILES + 1), b"new", NOW).unwrap();
        let left = names(&folder);
        assert_eq!(left.len(), MAX_FILES - 1 + others.len());
        for gone in [1, 500] {
            assert!(!left.contains(&format!("{}.eml", id(gone))), "{gone}");
        }
        for name in &others {
            assert!(left.contains(name), "{name}");
        }
    }

    #[test]
    fn no_file_is_deleted_because_of_its_age_if_the_clock_was_moved() {
        let directory = tempfile::tempdir().unwrap();
        let settings = FileSettings {
            folder: directory.path().to_owned(),
        };
        let path = written_at(&settings.folder, 1, START);
        let mut watch = ClockWatch::start(START, Duration::ZERO);
        let ahead = watch.observe(START + KEPT * 2, Duration::from_secs(1));
        settings.write(id(2), b"x", ahead).unwrap();
        assert!(path.exists());
        settings
            .write(id(2), b"x", ClockReading::trusted(ahead.now))
            .unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let settings = FileSettings {
            folder: file.path().join("mail"),
        };
        assert!(settings.write(id(1), b"x", NOW).is_err());
    }
}
