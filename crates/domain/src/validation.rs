//! Violations of the rules for well-formed input.

/// One rule that an input breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The location: an RFC 6901 JSON pointer into the request, such as `/new_password`.
    pub pointer: String,
    /// The rule, as a stable machine-readable word such as `too-short`.
    pub code: &'static str,
    /// The rule in words, for users. MUST NOT repeat a secret.
    pub detail: String,
}

impl Violation {
    /// A violation of rule `code` at `pointer`.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// All violations of one input; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the input breaks {} rule(s)", .0.len())]
pub struct Invalid(Vec<Violation>);

impl Invalid {
    /// The violations, in the order in which they were found.
    pub fn violations(&self) -> &[Violation] {
        &self.0
    }

    /// An error with these violations, of which there must be at least one.
    pub const fn new(violations: Vec<Violation>) -> Self {
        Self(violations)
    }

    /// Appends the violations of `more`.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }
}

impl From<Violation> for Invalid {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}
