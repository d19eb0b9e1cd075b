//! The argon2id hasher.

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use doorward_domain::account::PasswordDigest;
use doorward_domain::entropy::Entropy;
use doorward_domain::password::PlainPassword;
use doorward_domain::password::{HashError, PasswordHasher, PepperId, PepperIds, Verification};

use crate::digest::StoredDigest;
use crate::memory::{clear, with_blocks};
use crate::{Argon2Params, InvalidSetting, Pepper, Peppers};

/// The length of new hashes, in bytes.
const OUTPUT: usize = 32;

/// The length of new salts, in bytes.
const SALT: usize = 16;

/// The salt of dummy hashes, whose results are discarded.
const DUMMY_SALT: [u8; SALT] = *b"doorward nothing";

/// The salt for the id of a pepper.
const PEPPER_ID_SALT: &[u8] = b"doorward pepper id";

/// The least memory that argon2 supports with one lane, in KiB.
const MIN_MEMORY_KIB: u64 = 8;

/// Hashes passwords with argon2id, version 1.3 (RFC 9106).
///
/// # Pepper
///
/// The PHC string of a digest with a pepper has the parameter `keyid`, which identifies the pepper without revealing it. A
/// digest without `keyid` is verified without a pepper. A digest with the previous pepper is verified with that one. Both are
/// outdated if the current pepper is another one, or none, so that the digest is replaced at the next login. A digest whose
/// `keyid` is that of no configured pepper is [`Unusable`](Verification::Unusable): it could never match, which must not be
/// reported as a wrong password.
#[derive(Debug)]
pub struct Argon2Hasher {
    params: Argon2Params,
    current: Option<(Pepper, PepperId)>,
    previous: Option<(Pepper, PepperId)>,
}

impl Argon2Hasher {
    /// Creates a hasher. Hashes each pepper into its id, which takes as long as hashing a password.
    pub fn new(params: Argon2Params, peppers: Peppers) -> Result<Self, InvalidSetting> {
        let params = params.check()?;
        let with_id = |pepper: Option<Pepper>| {
            pepper
                .map(|pepper| pepper_id(&pepper).map(|id| (pepper, id)))
                .transpose()
                .map_err(InvalidSetting::PepperNotHashed)
        };
        Ok(Self {
            params,
            current: with_id(peppers.current)?,
            previous: with_id(peppers.previous)?,
        })
    }

    /// The ids of its peppers.
    pub fn pepper_ids(&self) -> PepperIds {
        let id = |pepper: &Option<(Pepper, PepperId)>| pepper.as_ref().map(|(_, id)| *id);
        PepperIds {
            current: id(&self.current),
            previous: id(&self.previous),
        }
    }

    fn current_pepper(&self) -> Option<&Pepper> {
        self.current.as_ref().map(|(pepper, _)| pepper)
    }

    /// Parses a digest. `None` if it cannot be verified: malformed, out of bounds, or with a pepper that is not configured.
    /// Also returns its pepper, if it has one.
    fn usable(&self, digest: &PasswordDigest) -> Option<(StoredDigest, Option<&Pepper>)> {
        let stored = StoredDigest::parse(digest.expose())?;
        if !stored.is_within_bounds(self.params) {
            return None;
        }
        let Some(id) = stored.pepper else {
            return Some((stored, None));
        };
        let mut peppers = [&self.current, &self.previous].into_iter().flatten();
        let (pepper, _) = peppers.find(|(_, known)| *known == id)?;
        Some((stored, Some(pepper)))
    }

    /// Runs argon2 with `params` and `pepper`.
    fn run(
        &self,
        params: Argon2Params,
        pepper: Option<&Pepper>,
        salt: &[u8],
        password: &PlainPassword,
        output: &mut [u8],
    ) -> Result<(), HashError> {
        let pepper = pepper.map_or(&[][..], Pepper::expose);
        let keep = usize::try_from(self.params.memory_kib).unwrap_or(usize::MAX);
        run_argon2(params, pepper, salt, password.expose().as_bytes(), output, keep)
    }

    /// Adds the work by which verifying a digest with `params` was cheaper than verifying one with the configured
    /// parameters.
    ///
    /// After the parameters are raised, verifying an existing digest is cheaper than the dummy hash for an unknown account.
    /// Without this, response times of wrong passwords would reveal which accounts exist.
    fn equalize_work(&self, params: Argon2Params, password: &PlainPassword) -> Result<(), HashError> {
        let missing = self.params.work().saturating_sub(params.work());
        if missing < MIN_MEMORY_KIB {
            return Ok(());
        }
        let iterations = missing.div_ceil(u64::from(self.params.memory_kib));
        let rest = Argon2Params {
            memory_kib: u32::try_from(missing.div_ceil(iterations)).unwrap_or(u32::MAX),
            iterations: u32::try_from(iterations).unwrap_or(u32::MAX),
            parallelism: 1,
        };
        self.run(
            rest,
            self.current_pepper(),
            &DUMMY_SALT,
            password,
            &mut [0; OUTPUT],
        )
    }
}

impl PasswordHasher for Argon2Hasher {
    fn hash(&self, password: &PlainPassword, entropy: &dyn Entropy) -> Result<PasswordDigest, HashError> {
        let mut salt = [0; SALT];
        entropy.fill(&mut salt);
        let mut output = [0; OUTPUT];
        self.run(self.params, self.current_pepper(), &salt, password, &mut output)?;
        let digest = StoredDigest {
            params: self.params,
            salt: Salt::new(&salt).map_err(failed)?,
            output: Output::new(&output).map_err(failed)?,
            pepper: self.pepper_ids().current,
        };
        let phc = digest
            .to_phc()
            .ok_or_else(|| HashError("the parameters do not fit a PHC string".to_owned()))?;
        Ok(PasswordDigest::new(phc))
    }

    fn verify(&self, password: &PlainPassword, digest: &PasswordDigest) -> Result<Verification, HashError> {
        let Some((stored, pepper)) = self.usable(digest) else {
            self.verify_nothing(password)?;
            return Ok(Verification::Unusable);
        };
        let mut buffer = [0; Output::MAX_LENGTH];
        let (output, _) = buffer.split_at_mut(stored.output.len());
        self.run(stored.params, pepper, &stored.salt, password, output)?;
        // `Output` compares in constant time.
        if Output::new(output).map_err(failed)? == stored.output {
            let outdated = stored.is_outdated(self.params, OUTPUT, self.pepper_ids().current.as_ref());
            return Ok(Verification::Match { outdated });
        }
        self.equalize_work(stored.params, password)?;
        Ok(Verification::Mismatch)
    }

    fn verify_nothing(&self, password: &PlainPassword) -> Result<(), HashError> {
        self.run(
            self.params,
            self.current_pepper(),
            &DUMMY_SALT,
            password,
            &mut [0; OUTPUT],
        )
    }

    fn rest(&self) {
        clear();
    }
}

/// Hashes a pepper into its id, with argon2 so that a weak pepper cannot be found quickly from a digest.
fn pepper_id(pepper: &Pepper) -> Result<PepperId, HashError> {
    let mut id = [0; 8];
    run_argon2(
        Argon2Params::default(),
        &[],
        PEPPER_ID_SALT,
        pepper.expose(),
        &mut id,
        0,
    )?;
    Ok(PepperId::from_bytes(id))
}

fn run_argon2(
    params: Argon2Params,
    pepper: &[u8],
    salt: &[u8],
    password: &[u8],
    output: &mut [u8],
    keep: usize,
) -> Result<(), HashError> {
    let Argon2Params {
        memory_kib,
        iterations,
        parallelism,
    } = params;
    let params = Params::new(memory_kib, iterations, parallelism, Some(output.len())).map_err(failed)?;
    let blocks = params.block_count();
    // argon2 treats an empty secret as no secret.
    let argon2 =
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params).map_err(failed)?;
    #[cfg(test)]
    work::count(memory_kib, iterations);
    with_blocks(blocks, keep, |memory| {
        argon2.hash_password_into_with_memory(password, salt, output, memory)
    })?
    .map_err(failed)
}

fn failed(error: impl core::fmt::Display) -> HashError {
    HashError(error.to_string())
}

/// Counts the work of this thread in tests, which unlike its duration does not depend on the machine.
#[cfg(test)]
mod work {
    use core::cell::Cell;

    thread_local! {
        static DONE: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn count(memory_kib: u32, iterations: u32) {
        DONE.set(DONE.get() + u64::from(memory_kib) * u64::from(iterations));
    }

    /// Returns the result of `task` and the number of blocks it computed.
    pub(super) fn of<T>(task: impl FnOnce() -> T) -> (T, u64) {
        let before = DONE.get();
        let result = task();
        (result, DONE.get() - before)
    }
}

#[cfg(test)]
#[path = "hasher_tests.rs"]
mod tests;
