//! The addresses that the server listens on, written to files for callers that start it with port 0.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::SecretString;

use super::write_temporary;
use crate::exit::ExitError;

/// One of the two listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listener {
    /// The API.
    Public,
    /// Health and metrics.
    Management,
}

impl Listener {
    /// The file in the data directory that holds its address.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Public => "listen",
            Self::Management => "management_listen",
        }
    }
}

/// Writes the address that a listener is bound to. The file is replaced atomically.
pub fn write_bound(data_dir: &Path, listener: Listener, address: SocketAddr) -> Result<(), ExitError> {
    let path = data_dir.join(listener.file_name());
    let line = SecretString::from(format!("{address}\n"));
    write_temporary(&path, &line, 0o600)
        .and_then(|temporary| fs::rename(temporary, &path))
        .map_err(|error| ExitError::other(format!("{} cannot be written: {error}", path.display())))
}

/// Reads the address that a listener was last bound to.
pub fn read_bound(data_dir: &Path, listener: Listener) -> Option<SocketAddr> {
    let text = fs::read_to_string(data_dir.join(listener.file_name())).ok()?;
    text.trim_end().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data_dir::tests::names;

    #[test]
    fn a_bound_address_can_be_read_back() {
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
