//! The limit on open files, which limits connections.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Returns how many connections are possible, at most `wanted`: limited by the process's limit on open files, of which
/// `reserve` are for other purposes. Raises the soft limit to the hard limit first.
pub(crate) fn affordable(wanted: usize, reserve: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let files = limit
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    // Each connection has two file descriptors: the server's and the duplicate here.
    let affordable = (files.saturating_sub(reserve) / 2).max(1);
    if affordable < wanted {
        tracing::warn!(
            wanted,
            affordable,
            "server.max_connections exceeds the limit on open files; using the largest possible number"
        );
    }
    wanted.min(affordable)
}
