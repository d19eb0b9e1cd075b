//! Which password attempts are counted together.
//!
//! An attempt counts on the record of the account, unless it comes from where the owner has registered or logged in lately:
//! then it counts on a separate record of that exact address, or else of that network. Attempts from elsewhere therefore
//! never lock the owner out, and those of a neighbour in the network do not lock the owner's address. The same rows are read
//! whether or not the account exists.

use core::time::Duration;

use doorward_domain::account::CanonicalEmail;
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::attempt::{AttemptKey, AttemptRecord, AttemptState, ClientNetwork};
use doorward_domain::context::RequestContext;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::time::Timestamp;

/// How long a network is known after the latest recorded login from it.
pub(crate) const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// How long after a recorded login further ones from the network are not recorded, so that most logins write no network.
const NOTED_FOR: Duration = Duration::from_hours(24);

/// The maximum number of known addresses and networks of an account. A login records one of each.
const NETWORKS: u32 = 32;

/// How often an attempt is decided again because another one was counted meanwhile. Each time one more attempt counts, so
/// that soon none is allowed; the bound only prevents an endless loop if that fails.
pub(super) const MAX_ROUNDS: usize = 64;

/// The error after [`MAX_ROUNDS`].
pub(super) fn overtaken_too_often() -> StoreError {
    StoreError::Unavailable("the attempts on an account changed repeatedly".to_owned())
}

/// The record that an attempt counts on.
pub(crate) struct Budget {
    account: AttemptKey,
    /// The exact address and the network that the attempt comes from, each with the latest recorded login; none without a
    /// client address.
    networks: Vec<(AttemptKey, Option<Timestamp>)>,
    key: AttemptKey,
}

impl Budget {
    /// Determines the record for an attempt on this address, and returns what it counts so far.
    pub(crate) fn find(
        repos: &mut dyn Repositories,
        keys: &dyn AttemptKeys,
        email: &CanonicalEmail,
        context: &RequestContext,
    ) -> StoreResult<(Self, Option<AttemptRecord>)> {
        let account = keys.attempt_key(email);
        let networks = network_keys(keys, email, context);
        // All keys are read at once, whichever is used.
        let all: Vec<AttemptKey> = core::iter::once(account)
            .chain(networks.iter().copied())
            .collect();
        let mut states = repos.attempts().states(&all)?.into_iter();
        let of_account = states.next().unwrap_or_default();
        let of_networks: Vec<(AttemptKey, AttemptState)> = networks.into_iter().zip(states).collect();
        let is_known = |last: Timestamp| context.now.since(last) <= KNOWN_FOR;
        let known = of_networks
            .iter()
            .find(|(_, state)| state.last_login.is_some_and(is_known));
        let (key, record) = known.map_or((account, of_account.record), |(network, state)| {
            (*network, state.record)
        });
        let networks = of_networks.into_iter();
        let budget = Self {
            account,
            networks: networks
                .map(|(network, state)| (network, state.last_login))
                .collect(),
            key,
        };
        Ok((budget, record))
    }

    /// The key of the record.
    pub(crate) const fn key(&self) -> &AttemptKey {
        &self.key
    }

    /// Records a login of the owner from the address and its network. To be called while the account is locked.
    pub(crate) fn note_login(&self, repos: &mut dyn Repositories, now: Timestamp) -> StoreResult<()> {
        let is_noted = |last: Timestamp| last <= now && now.since(last) < NOTED_FOR;
        if self.networks.iter().all(|(_, last)| last.is_some_and(is_noted)) {
            return Ok(());
        }
        let logins: Vec<_> = self.networks.iter().map(|(network, _)| (*network, now)).collect();
        repos.networks().note(&logins, &self.account)?;
        repos.networks().keep(&self.account, NETWORKS)
    }

    /// Deletes the known addresses and networks of the account, except those of this attempt that are known. To be called
    /// while the account is locked.
    pub(crate) fn delete_other_networks(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        repos.networks().keep(&self.account, 0)?;
        let known = self.networks.iter();
        let known: Vec<_> = known.filter_map(|(key, last)| Some((*key, (*last)?))).collect();
        repos.networks().note(&known, &self.account)
    }
}

/// The keys of the exact address and the network that a request comes from, in the order in which they are looked for.
fn network_keys(keys: &dyn AttemptKeys, email: &CanonicalEmail, context: &RequestContext) -> Vec<AttemptKey> {
    let blocks = context
        .ip
        .map(|address| [ClientNetwork::exact(address), ClientNetwork::of(address)]);
    let blocks = blocks.into_iter().flatten();
    blocks.map(|network| keys.network_key(email, &network)).collect()
}

/// Records the address and network from which an owner has created the account, in the transaction that inserts it.
pub(crate) fn note_owner(
    repos: &mut dyn Repositories,
    keys: &dyn AttemptKeys,
    email: &CanonicalEmail,
    context: &RequestContext,
) -> StoreResult<()> {
    let networks = network_keys(keys, email, context).into_iter();
    let logins: Vec<_> = networks.map(|network| (network, context.now)).collect();
    repos.networks().note(&logins, &keys.attempt_key(email))
}

/// Deletes the known networks of an account that is deleted. To be called while the account is locked.
pub(crate) fn delete_networks(
    repos: &mut dyn Repositories,
    keys: &dyn AttemptKeys,
    email: &CanonicalEmail,
) -> StoreResult<()> {
    repos.networks().keep(&keys.attempt_key(email), 0)
}
