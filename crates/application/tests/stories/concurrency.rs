//! Concurrency: on several threads, or while a password is being verified.

use std::sync::Barrier;
use std::thread;

use doorward_domain::account::PasswordDigest;
use doorward_domain::entropy::Entropy;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{HashError, PasswordHasher, Verification};
use doorward_testkit::FakeHasher;

/// A hasher that runs a callback after each verification, before it returns the result.
pub struct InterruptedHasher<'a> {
    hasher: &'a FakeHasher,
    happens: Box<dyn Fn() + Send + Sync + 'a>,
}

impl<'a> InterruptedHasher<'a> {
    pub fn new(hasher: &'a FakeHasher, happens: impl Fn() + Send + Sync + 'a) -> Self {
        Self {
            hasher,
            happens: Box::new(happens),
        }
    }
}

impl PasswordHasher for InterruptedHasher<'_> {
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

/// Runs `racer` on `racers` threads that start together. Returns their results in order.
pub fn at_once<T: Send>(racers: usize, racer: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(racers);
    let run = |number| {
        start.wait();
        racer(number)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..racers)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread that does not panic"))
            .collect()
    })
}
