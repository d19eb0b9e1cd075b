//! What is wrong with a request that was well-formed.

/// One reason why an input is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: an RFC 6901 JSON pointer into the request, such as `/new_password`.
    pub pointer: String,
    /// Which rule, as a stable machine-readable word such as `too-short`.
    pub code: &'static str,
    /// The rule in words, for a person. Never repeats a secret.
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

/// Everything that is wrong with one input; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the input breaks {} rule(s)", .0.len())]
pub struct Invalid(Vec<Violation>);

impl Invalid {
    /// The violations, in the order in which they were found.
    pub fn violations(&self) -> &[Violation] {
        &self.0
    }

    /// The error that lists these violations, of which there must be at least one.
    pub const fn new(violations: Vec<Violation>) -> Self {
        Self(violations)
    }

    /// Both this and what else is wrong.
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
