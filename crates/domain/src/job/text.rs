//! The texts of a job, each with its bounds.

use std::borrow::Cow;

/// A text that a job cannot have: too long, or with characters that are not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a text that a job can have")]
pub struct InvalidJobText;

/// What kind of work a job is: 1 to 40 of `a` to `z` and `-`. Decides which handler runs it.
///
/// Not an enum: a database may hold jobs of kinds that only a newer version knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKind(Cow<'static, str>);

impl JobKind {
    /// The kind with this name.
    ///
    /// # Panics
    ///
    /// If the name is invalid; in a constant, that is an error of the compiler.
    pub const fn new(name: &'static str) -> Self {
        assert!(is_kind(name.as_bytes()), "a job kind is 1 to 40 of a to z and -");
        Self(Cow::Borrowed(name))
    }

    /// Parses a name that was stored.
    pub fn parse(name: &str) -> Result<Self, InvalidJobText> {
        if is_kind(name.as_bytes()) {
            Ok(Self(Cow::Owned(name.to_owned())))
        } else {
            Err(InvalidJobText)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_kind(mut name: &[u8]) -> bool {
    if name.is_empty() || name.len() > 40 {
        return false;
    }
    while let [first, rest @ ..] = name {
        if !matches!(first, b'a'..=b'z' | b'-') {
            return false;
        }
        name = rest;
    }
    true
}

/// What the handler of a job is told: up to 16 KiB, JSON by convention, without NUL. **Never a secret**: it is stored as it
/// is, and kept for as long as a dead job is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobPayload(String);

impl JobPayload {
    /// The most bytes.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidJobText> {
        bounded(text.into(), Self::MAX_BYTES).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names what a job is for, so that it is queued once: up to 200 bytes, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DedupeKey(String);

impl DedupeKey {
    /// The most bytes.
    pub const MAX_BYTES: usize = 200;

    /// Checks a text.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidJobText> {
        bounded(text.into(), Self::MAX_BYTES).map(Self)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn bounded(text: String, max_bytes: usize) -> Result<String, InvalidJobText> {
    if text.len() <= max_bytes && !text.contains('\0') {
        Ok(text)
    } else {
        Err(InvalidJobText)
    }
}

/// Why an attempt failed, for operators: one line of at most 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure(String);

impl JobFailure {
    /// The most characters.
    pub const MAX_CHARS: usize = 500;

    /// Cuts a text to what is kept of it; control characters become spaces.
    pub fn new(text: &str) -> Self {
        let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self(line.take(Self::MAX_CHARS).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_a_short_word() {
        let longest = "a".repeat(40);
        for name in ["mail", "delete-expired", "-", longest.as_str()] {
            assert_eq!(
                JobKind::parse(name).as_ref().map(JobKind::as_str),
                Ok(name),
                "{name}"
            );
        }
        let too_long = "a".repeat(41);
        for name in ["", "Mail", "mail_2", "mail 2", "größe", too_long.as_str()] {
            assert_eq!(JobKind::parse(name), Err(InvalidJobText), "{name}");
        }
        assert_eq!(JobKind::parse("mail"), Ok(JobKind::new("mail")));
    }

    #[test]
    fn payloads_and_keys_are_bounded_and_hold_no_nul() {
        assert!(JobPayload::new("x".repeat(JobPayload::MAX_BYTES)).is_ok());
        assert!(JobPayload::new("x".repeat(JobPayload::MAX_BYTES + 1)).is_err());
        assert!(JobPayload::new("a\0b").is_err());
        assert!(DedupeKey::new("x".repeat(DedupeKey::MAX_BYTES)).is_ok());
        assert!(DedupeKey::new("x".repeat(DedupeKey::MAX_BYTES + 1)).is_err());
        assert!(DedupeKey::new("\0").is_err());
    }

    #[test]
    fn a_failure_is_one_short_line() {
        assert_eq!(JobFailure::new("no\nroute\0").as_str(), "no route ");
        assert_eq!(
            JobFailure::new(&"é".repeat(1_000)).as_str().chars().count(),
            JobFailure::MAX_CHARS
        );
    }
}
