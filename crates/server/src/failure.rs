//! Why the process ends other than well, and with which exit status.

use std::process::ExitCode;

use crate::escape::escape;

/// A reason to end. Supervisors tell the kinds apart by the exit status, people by the line on standard error.
#[derive(Debug)]
pub enum Failure {
    /// The configuration or the command line is wrong; starting again without changing it is no use. Exit status 78
    /// (`EX_CONFIG` of sysexits.h). One line for each thing that is wrong.
    Configuration(Vec<String>),
    /// The database cannot be reached at start; starting again later may help. Exit status 69 (`EX_UNAVAILABLE`).
    DatabaseUnreachable(String),
    /// Everything else. Exit status 1.
    Other(String),
}

impl Failure {
    /// A configuration with one thing wrong in it.
    pub fn configuration(line: impl Into<String>) -> Self {
        Self::Configuration(vec![line.into()])
    }

    /// Everything that has no exit status of its own.
    pub fn other(line: impl Into<String>) -> Self {
        Self::Other(line.into())
    }

    /// An error of a library, which has no exit status of its own.
    pub fn other_error(error: impl core::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// The exit status.
    pub const fn status(&self) -> u8 {
        match self {
            Self::Configuration(_) => 78,
            Self::DatabaseUnreachable(_) => 69,
            Self::Other(_) => 1,
        }
    }

    /// What is said about it, a line each, with control characters escaped.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Configuration(lines) => lines
                .iter()
                .map(|line| format!("configuration: {}", escape(line)))
                .collect(),
            Self::DatabaseUnreachable(line) => vec![format!("database: {}", escape(line))],
            Self::Other(line) => vec![escape(line).to_string()],
        }
    }
}

impl From<Failure> for std::io::Error {
    /// For callbacks of which only an I/O error can come; the line is what is told.
    fn from(failure: Failure) -> Self {
        Self::other(failure.lines().join("; "))
    }
}

impl From<&Failure> for ExitCode {
    fn from(failure: &Failure) -> Self {
        Self::from(failure.status())
    }
}
