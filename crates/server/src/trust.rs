//! Which files are trusted: those that only this process's user may change and read, in a directory that only they may change.
//!
//! A database or key that somebody else put there, or can change, lets them in; one that they can read gives them every digest
//! or every key. Such a file is refused instead of mended: whether it has been read or changed, only the operator knows.

use core::fmt;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::exit::ExitError;

/// The permissions to read, for the group and for all others.
const OTHERS_READ: u32 = 0o044;

/// The permissions to change, for the group and for all others.
const OTHERS_WRITE: u32 = 0o022;

/// Why a file is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// It is a symbolic link.
    Link,
    /// It belongs to another user.
    Foreign {
        /// The id of that user.
        owner: u32,
        /// The id of this process's user.
        user: u32,
    },
    /// Others may change it.
    Writable {
        /// Its permissions.
        mode: u32,
    },
    /// Others may read it.
    Readable {
        /// Its permissions.
        mode: u32,
    },
}

/// Decides on a file by its owner and mode, for a process of `user`.
pub const fn judge(is_link: bool, owner: u32, mode: u32, user: u32) -> Option<Distrust> {
    let mode = mode & 0o7777;
    if is_link {
        Some(Distrust::Link)
    } else if owner != user {
        Some(Distrust::Foreign { owner, user })
    } else if mode & OTHERS_WRITE != 0 {
        Some(Distrust::Writable { mode })
    } else if mode & OTHERS_READ != 0 {
        Some(Distrust::Readable { mode })
    } else {
        None
    }
}

/// Returns why a file is not trusted, from its metadata (of the link, if it is one).
pub fn of(metadata: &Metadata) -> Option<Distrust> {
    judge(
        metadata.file_type().is_symlink(),
        metadata.uid(),
        metadata.mode(),
        rustix::process::geteuid().as_raw(),
    )
}

/// Refuses a file of ours that is not trusted; `what` names it in the error. A file that does not exist is accepted.
pub fn check(what: &str, path: &Path) -> Result<(), ExitError> {
    let refuse =
        |why: &dyn fmt::Display| ExitError::configuration(format!("the {what} {} {why}", path.display()));
    match fs::symlink_metadata(path) {
        Ok(metadata) => match of(&metadata) {
            Some(distrust) => Err(refuse(&distrust.with_remedy(path))),
            None => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refuse(&format_args!("cannot be read: {error}"))),
    }
}

/// Refuses a directory of trusted files in which others may create, replace or delete some; `what` names it in the error. One
/// that does not exist is accepted. It may be a symbolic link; the directories above it are not checked.
pub fn check_directory(what: &str, path: &Path) -> Result<(), ExitError> {
    let user = rustix::process::geteuid().as_raw();
    let why = match fs::metadata(path) {
        Ok(metadata) => directory_fault(metadata.uid(), metadata.mode(), user, path),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(format!("cannot be read: {error}")),
    };
    why.map_or(Ok(()), |why| {
        let line = format!("the {what} {} {why}", path.display());
        Err(ExitError::configuration(line))
    })
}

/// Why a directory is not trusted by a process of `user`, with what mends it. The sticky bit does not make it trusted: with
/// it, too, others may create the files that do not exist yet.
fn directory_fault(owner: u32, mode: u32, user: u32, path: &Path) -> Option<String> {
    let mode = mode & 0o7777;
    let directory = quoted(path);
    // Root may change all files anyway.
    if owner != user && owner != 0 {
        Some(format!(
            "belongs to user {owner}, and this process runs as user {user}: run it as that user, or, if you trust the files in \
             it, chown {user} {directory}"
        ))
    } else if mode & OTHERS_WRITE != 0 {
        Some(format!(
            "may be changed by other users (mode {mode:04o}): if you trust the files in it, chmod go-w {directory}, or use a \
             directory of its own inside it"
        ))
    } else {
        None
    }
}

/// What may be said of a secret in a file that somebody else mounts or manages: others must not change it. That others can
/// read it is a warning, because mounted secrets often are readable to all in their container.
pub fn judge_mounted(path: &Path) -> io::Result<Option<Distrust>> {
    // A mounted secret is often a link to a directory that is exchanged as a whole.
    let metadata = fs::metadata(path)?;
    // A pipe or a terminal has no permissions that matter.
    if !metadata.is_file() {
        return Ok(None);
    }
    Ok(judge(false, metadata.uid(), metadata.mode(), metadata.uid()))
}

impl Distrust {
    /// Describes the fault, with the command that mends it.
    pub fn with_remedy(self, path: &Path) -> impl fmt::Display {
        let file = quoted(path);
        match self {
            Self::Link => format!(
                "is a symbolic link, which may lead anywhere: put the file itself there, with mv --no-target-directory \
                 \"$(readlink -f {file})\" {file}, or configure its own path"
            ),
            Self::Foreign { owner, user } => format!(
                "belongs to user {owner}, and this process runs as user {user}: run it as that user, or, if you trust the \
                 file, chown {user} {file}"
            ),
            Self::Writable { mode } => format!(
                "may be changed by other users (mode {mode:04o}): if you trust its content, chmod 600 {file}"
            ),
            Self::Readable { mode } => {
                format!("may be read by other users (mode {mode:04o}): chmod 600 {file}")
            }
        }
    }
}

/// A path as an argument in a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@".contains(character);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_trusted_if_only_its_owner_may_use_it_and_that_is_this_user() {
        for mode in [0o600, 0o400, 0o700, 0o100_600, 0o611] {
            assert_eq!(judge(false, 7, mode, 7), None, "{mode:o}");
        }
        assert_eq!(
            judge(false, 0, 0o600, 7),
            Some(Distrust::Foreign { owner: 0, user: 7 })
        );
        assert_eq!(
            judge(false, 7, 0o600, 0),
            Some(Distrust::Foreign { owner: 7, user: 0 })
        );
        assert_eq!(judge(true, 7, 0o600, 7), Some(Distrust::Link));
        assert_eq!(
            judge(false, 7, 0o100_644, 7),
            Some(Distrust::Readable { mode: 0o644 })
        );
        assert_eq!(
            judge(false, 7, 0o640, 7),
            Some(Distrust::Readable { mode: 0o640 })
        );
        assert_eq!(
            judge(false, 7, 0o620, 7),
            Some(Distrust::Writable { mode: 0o620 })
        );
        assert_eq!(
            judge(false, 7, 0o606, 7),
            Some(Distrust::Writable { mode: 0o606 })
        );
    }

    #[test]
    fn a_file_is_refused_with_the_command_that_mends_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a file");
        check("database", &path).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let lines = check("database", &path).unwrap_err().lines().concat();
        assert!(
            lines.contains(&format!("chmod 600 '{}'", path.display())),
            "{lines}"
        );
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        check("database", &path).unwrap();
        let link = directory.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(check("database", &link).unwrap_err().code(), 78);
    }

    #[test]
    fn a_directory_is_trusted_if_no_other_user_but_root_may_change_it() {
        let fault = |owner, mode| directory_fault(owner, mode, 7, Path::new("data"));
        for mode in 0..0o10000 {
            for owner in [0, 7] {
                assert_eq!(fault(owner, mode).is_none(), mode & 0o022 == 0, "{mode:o}");
            }
            assert!(fault(8, mode).is_some(), "{mode:o}");
        }
        assert!(fault(7, 0o41777).is_some_and(|why| why.contains("chmod go-w data")));
        assert!(fault(8, 0o700).is_some_and(|why| why.contains("chown 7 data")));
        check_directory("data directory", Path::new("/no/such/directory")).unwrap();
    }

    #[test]
    fn no_file_that_others_may_read_or_write_is_trusted() {
        for mode in 0..0o10000 {
            let is_private = mode & 0o066 == 0;
            assert_eq!(judge(false, 1, mode, 1).is_none(), is_private, "{mode:o}");
            assert!(judge(false, 1, mode, 2).is_some(), "{mode:o}");
        }
    }
}
