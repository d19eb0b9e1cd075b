//! The token that makes the first administrator.

use core::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};

use doorward_domain::entropy::Entropy;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;

/// What begins every setup token that Doorward makes.
const PREFIX: &str = "dws_";

/// Whether and how setup can be completed.
#[derive(Debug, Clone)]
pub enum SetupTokenStatus {
    /// There has been an administrator: setup is closed for good.
    Closed,
    /// The token given in the configuration completes it.
    Configured,
    /// A token was made at an earlier start, and shown then.
    MadeBefore,
    /// This token was made just now. It is kept as a digest only: this is the one time it can be shown.
    Made(SecretString),
}

/// Offers setup at start.
pub struct IssueSetupToken<'a> {
    /// Where the token's digest is kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the token.
    pub entropy: &'a dyn Entropy,
}

impl IssueSetupToken<'_> {
    /// Offers setup with the `configured` token if there is one, else with a token that is made once. An empty token is
    /// none: a variable that was left empty must not let everybody in.
    pub fn execute(&self, configured: Option<&SecretString>) -> Result<SetupTokenStatus, StoreError> {
        let configured = configured.filter(|token| !token.expose_secret().is_empty());
        self.store.transaction(|repos| {
            let state = repos.setup().state()?;
            if state.completed_at.is_some() {
                return Ok(SetupTokenStatus::Closed);
            }
            if let Some(token) = configured {
                repos.setup().replace_token(&setup_token_digest(token))?;
                return Ok(SetupTokenStatus::Configured);
            }
            let token = self.make_token();
            let offered = repos.setup().offer_token(&setup_token_digest(&token))?;
            Ok(if offered {
                SetupTokenStatus::Made(token)
            } else {
                SetupTokenStatus::MadeBefore
            })
        })
    }

    /// Makes another token in the place of one that was lost; `None` when setup is closed.
    pub fn replace(&self) -> Result<Option<SecretString>, StoreError> {
        let token = self.make_token();
        self.store.transaction(|repos| {
            let replaced = repos.setup().replace_token(&setup_token_digest(&token))?;
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

/// What is kept of a setup token. Comparing digests instead of tokens tells nothing by its timing that would help a
/// guesser: he cannot choose the digest.
pub fn setup_token_digest(token: &SecretString) -> [u8; 32] {
    Sha256::digest(token.expose_secret().as_bytes()).into()
}
