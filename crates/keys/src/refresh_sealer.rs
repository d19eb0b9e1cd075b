//! Sealing refresh tokens.
//!
//! A refresh token is `dwr_` and, in base64url without padding, `version (1) ‖ session id (16) ‖ generation (4, big
//! endian) ‖ tag (32)`. The tag is HMAC-SHA-256, under a key of the ring, of a label, the session's own key, the session
//! id and the generation. The tag needs both keys: a stolen database contains those of the sessions but not the ring's, and
//! stolen server keys do not include those of the sessions. All parts have fixed lengths, so different inputs to the HMAC
//! are different byte strings.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::id::SessionId;
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::{Generation, PresentedRefreshToken, RefreshToken, Session};

use crate::KeyRing;
use crate::refresh_key::{RefreshKey, TAG};

/// The prefix of every refresh token, by which people and secret scanners recognise one.
const PREFIX: &str = "dwr_";

const VERSION: u8 = 1;

/// The length of a token before base64: version, session id, generation, tag.
const BYTES: usize = 1 + 16 + 4 + TAG;

/// The length of those bytes in base64url without padding.
const ENCODED: usize = (BYTES * 4).div_ceil(3);

/// Seals refresh tokens with the key of a ring that was current when the session was last rotated, and opens those of
/// every key in it.
#[derive(Debug, Clone)]
pub struct RefreshSealer {
    ring: Arc<KeyRing>,
}

impl RefreshSealer {
    /// Seals with the keys of `ring`.
    pub const fn new(ring: Arc<KeyRing>) -> Self {
        Self { ring }
    }
}

impl RefreshTokens for RefreshSealer {
    fn seal(&self, session: &Session, generation: Generation) -> RefreshToken {
        // Not the key that is current now: a retry after a key change must get the same token.
        let keys = self.ring.keys();
        let tag = keys
            .refresh
            .current_at(session.rotated_at)
            .tag(session, generation);
        let bytes = [
            &[VERSION][..],
            session.id.as_bytes(),
            &generation.get().to_be_bytes(),
            tag.as_ref(),
        ]
        .concat();
        let mut token = String::with_capacity(PREFIX.len() + ENCODED);
        token.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut token);
        RefreshToken::new(token)
    }

    fn open(&self, presented: &str) -> Option<PresentedRefreshToken> {
        let encoded = presented
            .strip_prefix(PREFIX)
            .filter(|encoded| encoded.len() == ENCODED)?;
        let mut bytes = [0; BYTES];
        // Rejects padding and stray bits at the end, so that a token has one encoding.
        URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (session_id, rest) = rest.split_first_chunk()?;
        let (generation, tag) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(PresentedRefreshToken {
            session_id: SessionId::from_bytes(*session_id),
            generation: Generation::new(u32::from_be_bytes(*generation)),
            tag: tag.try_into().ok()?,
        })
    }

    fn is_authentic(&self, presented: &PresentedRefreshToken, session: &Session) -> bool {
        let proves = |key: &RefreshKey| key.verifies(&presented.tag, session, presented.generation);
        // Each comparison takes constant time. With which of the keys it succeeds is not secret.
        presented.session_id == session.id && self.ring.keys().refresh.iter().any(proves)
    }
}
