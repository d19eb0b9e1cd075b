//! The setup token, which creates the first administrator.

use core::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use doorward_domain::entropy::Entropy;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// The prefix of every generated setup token, for secret scanners.
const PREFIX: &str = "dws_";

/// Whether and how setup can be completed.
#[derive(Debug, Clone)]
pub enum SetupTokenStatus {
    /// Setup is completed: an administrator was created.
    Closed,
    /// The configured token is valid.
    Configured,
    /// A token was issued, and shown, at an earlier start.
    MadeBefore,
    /// This token was issued now. Only its digest is stored, so it can be shown only once.
    Made(SecretString),
}

/// Issues the setup token when the service starts.
pub struct IssueSetupToken<'a> {
    /// Stores the digest of the token.
    pub store: &'a dyn UnitOfWork,
    /// Generates the token.
    pub entropy: &'a dyn Entropy,
}

impl IssueSetupToken<'_> {
    /// Makes the `configured` token valid if there is one, else a token that is generated once. One that was configured earlier
    /// and is not any more becomes invalid. An empty configured token counts as none: an empty environment variable must not
    /// make setup public.
    pub fn execute(&self, configured: Option<&SecretString>) -> Result<SetupTokenStatus, StoreError> {
        let configured = configured.filter(|token| !token.expose_secret().is_empty());
        self.store.transaction(|repos| {
            let state = repos.setup().state()?;
            if state.completed_at.is_some() {
                return Ok(SetupTokenStatus::Closed);
            }
            if let Some(token) = configured {
                repos.setup().replace_token(&setup_token_digest(token), true)?;
                return Ok(SetupTokenStatus::Configured);
            }
            // A token that is no longer configured may be known to readers of the old configuration.
            repos.setup().withdraw_configured_token()?;
            let token = self.make_token();
            let offered = repos.setup().offer_token(&setup_token_digest(&token))?;
            Ok(if offered {
                SetupTokenStatus::Made(token)
            } else {
                SetupTokenStatus::MadeBefore
            })
        })
    }

    /// Issues a token in place of one that was lost; `None` when setup is completed.
    pub fn replace(&self) -> Result<Option<SecretString>, StoreError> {
        let token = self.make_token();
        self.store.transaction(|repos| {
            let replaced = repos.setup().replace_token(&setup_token_digest(&token), false)?;
            Ok(replaced.then(|| token.clone()))
        })
    }

    /// A token of 160 random bits.
    fn make_token(&self) -> SecretString {
        let mut bytes = [0_u8; 20];
        self.entropy.fill(&mut bytes);
        let mut token = String::from(PREFIX);
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(token, "{byte:02x}");
        }
        SecretString::from(token)
    }
}

/// The digest of a setup token, as stored. The timing of comparing digests does not help an attacker, who cannot choose
/// the digest.
pub fn setup_token_digest(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}
