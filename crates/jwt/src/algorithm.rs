//! Signature algorithms.

/// How access tokens are signed (`keys.algorithm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Algorithm {
    /// `EdDSA` with Ed25519 (RFC 8037): small, fast, deterministic. The default.
    #[default]
    EdDsa,
    /// `ES256`, ECDSA with P-256 and SHA-256 (RFC 7518, section 3.4), for verifiers without `EdDSA`.
    Es256,
}

impl Algorithm {
    /// The name of the algorithm in headers and key sets (JWA).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of exactly that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::EdDsa, Self::Es256]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// The corresponding algorithm of `jsonwebtoken`.
    pub(crate) const fn as_jwa(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_jwa_name_is_parsed() {
        assert_eq!(Algorithm::parse("EdDSA"), Some(Algorithm::EdDsa));
        assert_eq!(Algorithm::parse("ES256"), Some(Algorithm::Es256));
        for name in [
            "", "none", "None", "eddsa", "EDDSA", "HS256", "ES256K", "ES256 ", "Ed25519",
        ] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
