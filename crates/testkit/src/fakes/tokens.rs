use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use doorward_domain::id::SessionId;
use doorward_domain::session::RefreshTokens;
use doorward_domain::session::{Generation, PresentedRefreshToken, RefreshToken, Session, SessionKey};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{AccessClaims, AccessToken, ClaimTimes, UntimelyClaims};
use doorward_domain::token::{
    AccessTokenSigner, AccessTokenVerifier, RevocationCheck, RevocationStatus, SigningError, TokenRejected,
};

use crate::hold;

use super::checksum;

/// The leeway of the verifier: the default of the product.
const LEEWAY: Duration = Duration::from_secs(5);
/// The prefix of sealed tokens.
const PREFIX: &str = "fake-refresh";

/// The claims of every token signed, by the token's text.
type ClaimsByToken = Arc<Mutex<BTreeMap<String, AccessClaims>>>;

/// Records the claims it signs: token `fake-access-<n>` stands for the `n`th claims signed.
#[derive(Debug, Default)]
pub struct FakeSigner {
    signed: ClaimsByToken,
    error: Mutex<Option<SigningError>>,
}

impl FakeSigner {
    /// A signer without signed tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// A verifier of the tokens of this signer, including later ones.
    pub fn verifier(&self) -> FakeVerifier {
        FakeVerifier {
            signed: Arc::clone(&self.signed),
        }
    }

    /// Makes signing fail; `None` restores it.
    pub fn fail_with(&self, error: Option<SigningError>) {
        *hold(&self.error) = error;
    }
}

impl AccessTokenSigner for FakeSigner {
    fn sign(&self, claims: &AccessClaims) -> Result<AccessToken, SigningError> {
        if let Some(error) = hold(&self.error).clone() {
            return Err(error);
        }
        let mut signed = hold(&self.signed);
        let token = format!("fake-access-{}", signed.len() + 1);
        signed.insert(token.clone(), claims.clone());
        Ok(AccessToken::new(token))
    }
}

/// Looks up the claims that a [`FakeSigner`] recorded, and checks their times.
#[derive(Debug, Clone)]
pub struct FakeVerifier {
    signed: ClaimsByToken,
}

impl AccessTokenVerifier for FakeVerifier {
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenRejected> {
        let claims = hold(&self.signed).get(token).cloned();
        let claims = claims.ok_or(TokenRejected {
            reason: "it was never signed",
        })?;
        let times = ClaimTimes {
            expires_at: claims.expires_at,
            issued_at: claims.issued_at,
            not_before: None,
        };
        times.check(now, LEEWAY).map_err(|untimely| TokenRejected {
            reason: match untimely {
                UntimelyClaims::Expired => "it has expired",
                UntimelyClaims::NotYet => "it is not valid yet",
            },
        })?;
        Ok(claims)
    }
}

/// Seals refresh tokens as `fake-refresh.<session>.<generation>.<checksum>`. The checksum depends on the session's key,
/// the session and the generation, so that a token of another session or generation is not authentic, as in production.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeRefreshTokens;

impl RefreshTokens for FakeRefreshTokens {
    fn seal(&self, session: &Session, generation: Generation) -> RefreshToken {
        let tag = hex(&tag(&session.key, session.id, generation));
        RefreshToken::new(format!("{PREFIX}.{}.{}.{tag}", session.id, generation.get()))
    }

    fn open(&self, presented: &str) -> Option<PresentedRefreshToken> {
        let mut parts = presented.split('.');
        let (prefix, session, generation, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if prefix != PREFIX || parts.next().is_some() {
            return None;
        }
        Some(PresentedRefreshToken {
            session_id: SessionId::parse(session).ok()?,
            generation: Generation::new(generation.parse().ok()?),
            tag: unhex(tag)?,
        })
    }

    fn is_authentic(&self, presented: &PresentedRefreshToken, session: &Session) -> bool {
        presented.session_id == session.id
            && presented.tag == tag(&session.key, session.id, presented.generation)
    }
}

fn tag(key: &SessionKey, session: SessionId, generation: Generation) -> [u8; 32] {
    checksum(&(key.expose(), session, generation))
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    (text.len() == 64).then_some(bytes)
}

/// A [`RevocationCheck`] without revocations.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingRevoked;

impl RevocationCheck for NothingRevoked {
    fn status(&self, _claims: &AccessClaims) -> RevocationStatus {
        RevocationStatus::Valid
    }
}

#[cfg(test)]
mod tests {
    use doorward_domain::session::Authentication;

    use super::*;
    use crate::sample;

    fn claims() -> AccessClaims {
        AccessClaims {
            issued_at: Timestamp::from_unix_seconds(1000),
            expires_at: Timestamp::from_unix_seconds(1900),
            authentication: Some(Authentication::by_password(Timestamp::from_unix_seconds(1000))),
            ..sample::claims(1, sample::session(1, sample::user(1).id).id)
        }
    }

    #[test]
    fn a_verifier_accepts_the_tokens_of_its_signer_while_they_are_valid() {
        let signer = FakeSigner::new();
        let verifier = signer.verifier();
        let token = signer.sign(&claims()).expect("a token");
        let at = |seconds| verifier.verify(token.expose(), Timestamp::from_unix_seconds(seconds));
        assert_eq!(at(1000), Ok(claims()));
        assert_eq!(
            at(1905),
            Err(TokenRejected {
                reason: "it has expired"
            })
        );
        assert_eq!(
            at(994),
            Err(TokenRejected {
                reason: "it is not valid yet"
            })
        );
        assert!(
            FakeSigner::new()
                .verifier()
                .verify(token.expose(), Timestamp::from_unix_seconds(1000))
                .is_err()
        );
    }

    #[test]
    fn a_signer_fails_if_it_is_set_to_fail() {
        let signer = FakeSigner::new();
        let error = SigningError("no key".to_owned());
        signer.fail_with(Some(error.clone()));
        assert_eq!(signer.sign(&claims()).map(|_| ()), Err(error));
    }

    #[test]
    fn an_opened_refresh_token_has_the_sealed_claims() {
        let session = sample::session(1, sample::user(1).id);
        let token = FakeRefreshTokens.seal(&session, Generation::new(7));
        assert_eq!(
            token.expose(),
            FakeRefreshTokens.seal(&session, Generation::new(7)).expose()
        );
        let presented = FakeRefreshTokens
            .open(token.expose())
            .expect("a token that opens");
        assert_eq!(
            (presented.session_id, presented.generation),
            (session.id, Generation::new(7))
        );
        assert!(FakeRefreshTokens.is_authentic(&presented, &session));
    }

    #[test]
    fn a_refresh_token_of_another_session_key_or_generation_is_not_authentic() {
        let session = sample::session(1, sample::user(1).id);
        let token = FakeRefreshTokens.seal(&session, Generation::new(7));
        let presented = FakeRefreshTokens
            .open(token.expose())
            .expect("a token that opens");
        let later = PresentedRefreshToken {
            generation: Generation::new(8),
            ..presented
        };
        assert!(!FakeRefreshTokens.is_authentic(&later, &session));
        assert!(!FakeRefreshTokens.is_authentic(&presented, &sample::session(2, session.user_id)));
        let other_key = Session {
            key: SessionKey::from_bytes([0; 32]),
            ..session
        };
        assert!(!FakeRefreshTokens.is_authentic(&presented, &other_key));
    }

    #[test]
    fn malformed_refresh_tokens_are_not_opened() {
        let session = sample::session(1, sample::user(1).id);
        let token = FakeRefreshTokens.seal(&session, Generation::FIRST);
        let token = token.expose();
        for text in [
            "",
            "fake-refresh",
            "fake-refresh.1.2.3",
            &format!("{token}00"),
            &format!("{token}.x"),
            &token[1..],
        ] {
            assert!(FakeRefreshTokens.open(text).is_none(), "{text:?}");
        }
    }
}
