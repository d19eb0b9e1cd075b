//! The port for unpredictable bytes.

/// Unpredictable bytes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Fills `bytes`. In production they MUST come from the operating system's cryptographic generator; a program that
    /// cannot have them must not go on.
    fn fill(&self, bytes: &mut [u8]);
}
