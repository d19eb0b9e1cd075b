//! A hasher that takes its time, as real ones do.

use doorward_domain::account::PasswordDigest;
use doorward_domain::entropy::Entropy;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{HashError, PasswordHasher, Verification};
use doorward_testkit::FakeHasher;

/// A hasher that lets something else happen each time before it answers whether a password is the right one.
pub struct Meanwhile<'a> {
    hasher: &'a FakeHasher,
    happens: Box<dyn Fn() + Send + Sync + 'a>,
}

impl<'a> Meanwhile<'a> {
    pub fn new(hasher: &'a FakeHasher, happens: impl Fn() + Send + Sync + 'a) -> Self {
        Self {
            hasher,
            happens: Box::new(happens),
        }
    }
}

impl PasswordHasher for Meanwhile<'_> {
    fn hash(&self, password: &PlainPassword, entropy: &dyn Entropy) -> Result<PasswordDigest, HashError> {
        self.hasher.hash(password, entropy)
    }

    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError> {
        let verified = self.hasher.verify(password, digest);
        (self.happens)();
        verified
    }

    fn verify_nothing(&self, password: &PlainPassword) -> Result<(), HashError> {
        let verified = self.hasher.verify_nothing(password);
        (self.happens)();
        verified
    }
}
