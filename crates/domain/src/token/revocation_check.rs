use super::AccessClaims;

/// The revocation status of a verified token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStatus {
    /// The token is not revoked.
    Valid,
    /// The token is revoked.
    Revoked,
    /// Recent revocations may be missing, so the status cannot be determined.
    Unknown,
}

/// Checks tokens against recent revocations. Called for every request: MUST answer from memory.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationCheck: Send + Sync {
    /// The status of a token with these claims. MUST NOT return [`RevocationStatus::Valid`] when a revocation that was committed
    /// longer ago than the bound (1 s) may be missing.
    fn status(&self, claims: &AccessClaims) -> RevocationStatus;
}
