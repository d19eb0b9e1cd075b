//! The interfaces through which signing and verifying get their keys.

use core::fmt;
use std::sync::Arc;

use doorward_domain::time::Timestamp;
use doorward_domain::token::SigningError;

use crate::PublicKey;

/// A private key that signs tokens. Its `Debug` output MUST NOT contain the key.
pub trait SigningKey: fmt::Debug + Send + Sync {
    /// The public half, with the id and the algorithm of the key.
    fn public_key(&self) -> &PublicKey;

    /// The signature over `message`, in the format of JWS: 64 bytes for both algorithms (RFC 8037, section 3.1; RFC 7518,
    /// section 3.4).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// The private keys of an issuer.
pub trait SigningKeys: fmt::Debug + Send + Sync {
    /// The key that signs a token issued at `instant`.
    fn signing_key(&self, instant: Timestamp) -> Arc<dyn SigningKey>;
}

/// The public keys of an issuer.
pub trait VerificationKeys: fmt::Debug + Send + Sync {
    /// The key with exactly this `kid`. MUST NOT access the network: the `kid` comes from an unverified token.
    fn verification_key(&self, kid: &str) -> Option<Arc<PublicKey>>;
}
