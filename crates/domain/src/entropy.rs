//! The port for unpredictable bytes.

/// A source of unpredictable bytes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes`. In production they MUST come from the operating system's cryptographic generator; if it fails, the
    /// process MUST NOT continue.
    fn fill(&self, bytes: &mut [u8]);
}
