use super::AccessClaims;

/// The revocation status of a token that has been verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStatus {
    /// It is not revoked.
    Valid,
    /// It was revoked.
    Revoked,
    /// Recent revocations are not known.
    Unknown,
}

/// Knows recent revocations. Called at every request: MUST answer from memory.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationCheck: Send + Sync {
    /// The status of a token with these claims. MUST NOT return [`RevocationStatus::Valid`] when a revocation that was committed
    /// longer ago than the bound (1 s) may be missing.
    fn status(&self, claims: &AccessClaims) -> RevocationStatus;
}
