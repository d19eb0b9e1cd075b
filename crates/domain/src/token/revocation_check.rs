use super::AccessClaims;

/// What is known of a token that has been verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStatus {
    /// Nothing speaks against it.
    Good,
    /// It was revoked.
    Revoked,
    /// The revocations of late are not known: the token can be judged neither way.
    Unknown,
}

/// Knows what was revoked. Asked at every request: MUST answer from memory.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationCheck: Send + Sync {
    /// What is known of a token with these claims. MUST NOT answer [`RevocationStatus::Good`] when a revocation that was committed
    /// longer ago than the bound (1 s) may be missing.
    fn standing(&self, claims: &AccessClaims) -> RevocationStatus;
}
