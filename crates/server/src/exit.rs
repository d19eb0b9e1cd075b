//! Exit codes, and the errors that end the process with them.

use std::process::ExitCode;

use doorward_domain::store_error::StoreError;
use doorward_keys::KeyOpenError;
use doorward_persistence::OpenError;

use crate::escape::escape;

/// Why a command failed. Service managers distinguish the variants by the exit code.
#[derive(Debug)]
pub enum ExitError {
    /// The configuration, the command line or a key is wrong; a restart without a change does not help. Exit code 78
    /// (`EX_CONFIG` of sysexits.h). One line per error.
    Configuration(Vec<String>),
    /// The database cannot be reached; a later restart may help. Exit code 69 (`EX_UNAVAILABLE`).
    DatabaseUnreachable(String),
    /// Everything else. Exit code 1.
    Other(String),
}

impl ExitError {
    /// A single error in the configuration.
    pub fn configuration(line: impl Into<String>) -> Self {
        Self::Configuration(vec![line.into()])
    }

    /// An error without an exit code of its own.
    pub fn other(line: impl Into<String>) -> Self {
        Self::Other(line.into())
    }

    /// An error of a library, without an exit code of its own.
    pub fn other_error(error: impl core::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 78,
            Self::DatabaseUnreachable(_) => 69,
            Self::Other(_) => 1,
        }
    }

    /// The lines to print on standard error, with control characters escaped.
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

impl From<&ExitError> for ExitCode {
    fn from(error: &ExitError) -> Self {
        Self::from(error.code())
    }
}

impl From<ExitError> for std::io::Error {
    /// For callbacks that may only return an I/O error.
    fn from(error: ExitError) -> Self {
        Self::other(error.lines().join("; "))
    }
}

impl From<OpenError> for ExitError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Misconfigured(_) => Self::configuration(error.to_string()),
            OpenError::Unreachable(_) => Self::DatabaseUnreachable(error.to_string()),
            OpenError::SchemaDiffers(_) | OpenError::MigrationFailed(_) => Self::other(error.to_string()),
        }
    }
}

impl From<StoreError> for ExitError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::DatabaseUnreachable(error.to_string()),
            StoreError::Corrupt(_) => Self::other(error.to_string()),
        }
    }
}

impl From<KeyOpenError> for ExitError {
    fn from(error: KeyOpenError) -> Self {
        match error {
            KeyOpenError::Store(error) => error.into(),
            KeyOpenError::WrongMasterKey { .. } => Self::configuration(format!("keys.master_key: {error}")),
            KeyOpenError::NeitherMasterKey { .. } => {
                Self::configuration(format!("keys.previous_master_key: {error}"))
            }
            _ => Self::other(error.to_string()),
        }
    }
}
