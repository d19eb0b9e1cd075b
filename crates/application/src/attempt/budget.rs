//! Which guesses are counted together.
//!
//! A guess counts on the record of the account, unless it comes from a network from which the owner has logged in lately:
//! then it counts on a record of that network's own. However many strangers guess, the owner's record is not touched.
//! Whether or not there is such an account, the same is looked up.

use core::time::Duration;

use doorward_domain::account::CanonicalEmail;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::attempt::{AttemptKey, ClientNetwork};
use doorward_domain::context::RequestContext;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// How long a network is known after the latest login from it that was noted.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// How long a login from a network is not noted again, so that most logins write nothing here.
const NOTED_FOR: Duration = Duration::from_hours(24);

/// How many networks of an account are kept.
const NETWORKS: u32 = 8;

/// What a guess counts on.
pub(crate) struct Budget {
    account: AttemptKey,
    /// Where it comes from, if it comes from anywhere.
    network: Option<AttemptKey>,
    /// The latest login from there that was noted.
    last_login: Option<Timestamp>,
    key: AttemptKey,
}

impl Budget {
    /// Finds out what a guess at this address counts on.
    pub(crate) fn find(
        repos: &mut dyn Repositories,
        keys: &dyn AttemptKeys,
        email: &CanonicalEmail,
        context: &RequestContext,
    ) -> StoreResult<Self> {
        let account = keys.attempt_key(email);
        let network = context
            .ip
            .map(|address| keys.network_key(email, &ClientNetwork::of(address)));
        let last_login = match &network {
            Some(network) => repos.networks().last_login(network)?,
            None => None,
        };
        let is_known = last_login.is_some_and(|last| context.now.since(last) <= KNOWN_FOR);
        Ok(Self {
            account,
            network,
            last_login,
            key: network.filter(|_| is_known).unwrap_or(account),
        })
    }

    /// The key of the record that the guess counts on.
    pub(crate) const fn key(&self) -> &AttemptKey {
        &self.key
    }

    /// Notes that the owner has logged in from there. To be called while the account is locked.
    pub(crate) fn note_login(&self, repos: &mut dyn Repositories, now: Timestamp) -> StoreResult<()> {
        let Some(network) = &self.network else {
            return Ok(());
        };
        let is_noted = |last: Timestamp| last <= now && now.since(last) < NOTED_FOR;
        if self.last_login.is_some_and(is_noted) {
            return Ok(());
        }
        repos.networks().note(network, &self.account, now)?;
        repos.networks().keep(&self.account, NETWORKS)
    }

    /// Forgets every network of the account but this one, which stays known if it is. To be called while the account is
    /// locked.
    pub(crate) fn forget_other_networks(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        repos.networks().keep(&self.account, 0)?;
        match (&self.network, self.last_login) {
            (Some(network), Some(last)) => repos.networks().note(network, &self.account, last),
            _ => Ok(()),
        }
    }
}

/// Forgets every network of an account that is deleted. To be called while the account is locked.
pub(crate) fn forget_networks(
    repos: &mut dyn Repositories,
    keys: &dyn AttemptKeys,
    email: &CanonicalEmail,
) -> StoreResult<()> {
    repos.networks().keep(&keys.attempt_key(email), 0)
}
