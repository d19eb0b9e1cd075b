//! Stored digests: parsing and formatting of PHC strings, and the bounds of their parameters.

use argon2::PasswordHash;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use doorward_domain::password::PepperId;

use crate::Argon2Params;

/// The only supported version of argon2: 1.3 (RFC 9106).
const VERSION: u32 = 0x13;

/// The shortest accepted hash, in bytes. The PHC format limits hashes to 64 bytes, and salts to 8 to 48.
const MIN_OUTPUT: usize = 16;

/// The memory that verifying a stored digest may need even if less is configured, in KiB: 256 MiB.
const MAX_STORED_MEMORY_KIB: u32 = 256 * 1024;

/// A parsed digest: argon2id, version 1.3.
#[derive(Clone)]
pub(crate) struct StoredDigest {
    pub(crate) params: Argon2Params,
    pub(crate) salt: Salt,
    pub(crate) output: Output,
    /// The pepper of the digest, if any: the parameter `keyid` of the PHC string, which argon2 itself ignores.
    pub(crate) pepper: Option<PepperId>,
}

impl StoredDigest {
    /// Parses a PHC string. Returns `None` if a part is missing, or a parameter is duplicated or unknown.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let phc = PasswordHash::new(text).ok()?;
        if phc.algorithm != argon2::ARGON2ID_IDENT || phc.version != Some(VERSION) {
            return None;
        }
        let (params, pepper) = parse_params(&phc.params)?;
        Some(Self {
            params,
            salt: phc.salt?,
            output: phc.hash?,
            pepper,
        })
    }

    /// Formats the PHC string. `None` if the parameters do not fit into one.
    pub(crate) fn to_phc(&self) -> Option<String> {
        let mut params = ParamsString::new();
        params.add_decimal("m", self.params.memory_kib).ok()?;
        params.add_decimal("t", self.params.iterations).ok()?;
        params.add_decimal("p", self.params.parallelism).ok()?;
        if let Some(id) = &self.pepper {
            params.add_b64_bytes("keyid", id.as_bytes()).ok()?;
        }
        let phc = PasswordHash {
            algorithm: argon2::ARGON2ID_IDENT,
            version: Some(VERSION),
            params,
            salt: Some(self.salt),
            hash: Some(self.output),
        };
        Some(phc.to_string())
    }

    /// Whether verifying the digest stays within bounds. The store is not trusted to contain only digests of this server.
    pub(crate) fn is_within_bounds(&self, configured: Argon2Params) -> bool {
        let Argon2Params {
            memory_kib,
            iterations,
            parallelism,
        } = self.params;
        memory_kib <= configured.memory_kib.max(MAX_STORED_MEMORY_KIB)
            && memory_kib >= parallelism.saturating_mul(8)
            && Argon2Params::ITERATIONS.contains(&iterations)
            && Argon2Params::PARALLELISM.contains(&parallelism)
            && self.output.len() >= MIN_OUTPUT
    }

    /// Whether the digest is weaker than a new one with the `configured` parameters and length.
    ///
    /// Less memory or fewer passes are weaker. Another pepper than the configured one, or none, is outdated. A
    /// digest that only differs in the number of lanes or the length is outdated too, unless it has more memory or
    /// passes than configured, which rehashing would lose.
    pub(crate) fn is_outdated(
        &self,
        configured: Argon2Params,
        output: usize,
        pepper: Option<&PepperId>,
    ) -> bool {
        let weaker =
            self.params.memory_kib < configured.memory_kib || self.params.iterations < configured.iterations;
        let stronger =
            self.params.memory_kib > configured.memory_kib || self.params.iterations > configured.iterations;
        let differs = self.params.parallelism != configured.parallelism || self.output.len() != output;
        let other_pepper = self.pepper.as_ref() != pepper;
        weaker || other_pepper || (differs && !stronger)
    }
}

fn parse_params(params: &ParamsString) -> Option<(Argon2Params, Option<PepperId>)> {
    let (mut memory_kib, mut iterations, mut parallelism, mut pepper) = (None, None, None, None);
    for (name, value) in params.iter() {
        let number = match name.as_str() {
            "m" => &mut memory_kib,
            "t" => &mut iterations,
            "p" => &mut parallelism,
            "keyid" if pepper.is_none() => {
                let mut id = [0; 8];
                let length = value.b64_decode(&mut id).ok()?.len();
                pepper = (length == id.len()).then_some(PepperId::from_bytes(id));
                pepper?;
                continue;
            }
            _ => return None,
        };
        if number.replace(value.decimal().ok()?).is_some() {
            return None;
        }
    }
    let params = Argon2Params {
        memory_kib: memory_kib?,
        iterations: iterations?,
        parallelism: parallelism?,
    };
    Some((params, pepper))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn parse(params: &str) -> Option<StoredDigest> {
        StoredDigest::parse(&format!("$argon2id$v=19${params}${HASH}"))
    }

    #[test]
    fn formatting_a_parsed_digest_returns_the_original_text() {
        for params in ["m=65536,t=2,p=1", "m=19456,t=2,p=1,keyid=AQIDBAUGBwg"] {
            let text = format!("$argon2id$v=19${params}${HASH}");
            assert_eq!(StoredDigest::parse(&text).unwrap().to_phc(), Some(text));
        }
        assert_eq!(
            parse("m=1024,t=1,p=1,keyid=AQIDBAUGBwg").unwrap().pepper,
            Some(PepperId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]))
        );
    }

    #[test]
    fn incomplete_duplicate_and_unknown_parts_are_rejected() {
        for params in [
            "",
            "m=1024",
            "m=1024,t=1",
            "t=1,p=1",
            "m=1024,t=1,p=1,m=1024",
            "m=1024,t=1,p=1,x=1",
            "m=1024,t=1,p=1,data=AQID",
            "m=1024,t=1,p=1,keyid=AQID",
            "m=1024,t=1,p=1,keyid=AQIDBAUGBwgJ",
            "m=-1,t=1,p=1",
            "m=4294967296,t=1,p=1",
            "m=01024,t=1,p=1",
            "m=1024,t=1,p=1,keyid=AQIDBAUGBwg,keyid=AQIDBAUGBwg",
        ] {
            assert!(parse(params).is_none(), "{params}");
        }
        for text in [
            "",
            "$",
            "plain",
            "$2b$12$abcdefghijklmnopqrstuv",
            &format!("$argon2id$m=1024,t=1,p=1${HASH}"),
            &format!("$argon2id$v=16$m=1024,t=1,p=1${HASH}"),
            &format!("$argon2i$v=19$m=1024,t=1,p=1${HASH}"),
            &format!("$argon2d$v=19$m=1024,t=1,p=1${HASH}"),
            "$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=1024,t=1,p=1",
            &format!("$argon2id$v=19$m=1024,t=1,p=1${HASH}$x"),
            &format!(" $argon2id$v=19$m=1024,t=1,p=1${HASH}"),
            &format!("$argon2id$v=19$m=1024,t=1,p=1${HASH}="),
        ] {
            assert!(StoredDigest::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn costly_and_invalid_parameters_are_out_of_bounds() {
        let configured = Argon2Params::default();
        let runs = |params| parse(params).unwrap().is_within_bounds(configured);
        assert!(runs("m=262144,t=16,p=16"));
        for params in [
            "m=262145,t=1,p=1",
            "m=4194304,t=1,p=1",
            "m=4294967295,t=1,p=1",
            "m=1024,t=17,p=1",
            "m=1024,t=4294967295,p=1",
            "m=1024,t=0,p=1",
            "m=1024,t=1,p=0",
            "m=1024,t=1,p=17",
            "m=7,t=1,p=1",
            "m=127,t=1,p=16",
        ] {
            assert!(!runs(params), "{params}");
        }
        let more = Argon2Params {
            memory_kib: 1024 * 1024,
            ..configured
        };
        assert!(parse("m=1048576,t=1,p=1").unwrap().is_within_bounds(more));
        let short =
            StoredDigest::parse("$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMa").unwrap();
        assert!(!short.is_within_bounds(configured));
    }

    #[test]
    fn a_weaker_digest_is_outdated_and_a_stronger_one_is_not() {
        let pepper = PepperId::from_bytes([1; 8]);
        let outdated = |params, pepper| {
            parse(params)
                .unwrap()
                .is_outdated(Argon2Params::default(), 32, pepper)
        };
        for params in [
            "m=19455,t=2,p=1",
            "m=65536,t=1,p=1",
            "m=19456,t=1,p=1",
            "m=19456,t=2,p=4",
        ] {
            assert!(outdated(params, None), "{params}");
        }
        for params in [
            "m=19456,t=2,p=1",
            "m=65536,t=2,p=1",
            "m=19456,t=3,p=1",
            "m=65536,t=3,p=4",
        ] {
            assert!(!outdated(params, None), "{params}");
            assert!(outdated(params, Some(&pepper)), "{params}");
        }
        let long = parse("m=19456,t=2,p=1").unwrap();
        assert!(long.is_outdated(Argon2Params::default(), 64, None));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>(), params in "[a-z]{0,3}=[0-9a-zA-Z+/]{0,12}(,[a-z]{0,6}=[0-9a-zA-Z+/]{0,12}){0,4}") {
            let _ = StoredDigest::parse(&text);
            let _ = parse(&params);
        }
    }
}
