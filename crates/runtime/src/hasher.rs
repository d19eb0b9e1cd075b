//! A password hasher that logs digests it cannot verify.

use std::sync::Arc;

use doorward_domain::account::PasswordDigest;
use doorward_domain::entropy::Entropy;
use doorward_domain::password::{HashError, PasswordHasher, PlainPassword, Verification};

/// Decorates a hasher. A digest that cannot be verified is a fault of the configuration or of the database, not of the
/// client, who cannot tell it from a wrong password.
pub(crate) struct ReportingHasher(pub(crate) Arc<dyn PasswordHasher>);

impl PasswordHasher for ReportingHasher {
    fn hash(&self, password: &PlainPassword, entropy: &dyn Entropy) -> Result<PasswordDigest, HashError> {
        self.0.hash(password, entropy)
    }

    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError> {
        let verification = self.0.verify(password, digest)?;
        if verification == Verification::Unusable {
            tracing::error!(
                "a stored password digest cannot be verified: it is damaged, exceeds the limits, or has a pepper that is not \
                 configured; the password was rejected, and the attempt not counted. The audit log has it as unusable-digest"
            );
        }
        Ok(verification)
    }

    fn verify_nothing(&self, password: &PlainPassword) -> Result<(), HashError> {
        self.0.verify_nothing(password)
    }

    fn rest(&self) {
        self.0.rest();
    }
}
