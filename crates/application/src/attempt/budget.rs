//! Which password attempts are counted together.
//!
//! An attempt counts on the record of the account, unless it comes from a known network, from which the owner has logged in
//! lately: then it counts on a separate record of that network. Attempts from other networks therefore never lock the owner
//! out. The same rows are read whether or not the account exists.

use core::time::Duration;

use doorward_domain::account::CanonicalEmail;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::attempt::{AttemptKey, ClientNetwork};
use doorward_domain::context::RequestContext;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// How long a network is known after the latest recorded login from it.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// How long after a recorded login further ones from the network are not recorded, so that most logins write no network.
const NOTED_FOR: Duration = Duration::from_hours(24);

/// The maximum number of known networks of an account.
const NETWORKS: u32 = 8;

/// The record that an attempt counts on.
pub(crate) struct Budget {
    account: AttemptKey,
    /// The network that the attempt comes from; `None` without a client address.
    network: Option<AttemptKey>,
    /// The latest recorded login from that network.
    last_login: Option<Timestamp>,
    key: AttemptKey,
}

impl Budget {
    /// Determines the record for an attempt on this address.
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

    /// The key of the record.
    pub(crate) const fn key(&self) -> &AttemptKey {
        &self.key
    }

    /// Records a login of the owner from the network. To be called while the account is locked.
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

    /// Deletes the known networks of the account, except the one of this attempt if it is known. To be called while the
    /// account is locked.
    pub(crate) fn delete_other_networks(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        repos.networks().keep(&self.account, 0)?;
        match (&self.network, self.last_login) {
            (Some(network), Some(last)) => repos.networks().note(network, &self.account, last),
            _ => Ok(()),
        }
    }
}

/// Deletes the known networks of an account that is deleted. To be called while the account is locked.
pub(crate) fn delete_networks(
    repos: &mut dyn Repositories,
    keys: &dyn AttemptKeys,
    email: &CanonicalEmail,
) -> StoreResult<()> {
    repos.networks().keep(&keys.attempt_key(email), 0)
}
