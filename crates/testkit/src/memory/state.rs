use std::collections::BTreeMap;

use doorward_domain::account::{CanonicalEmail, Credentials};
use doorward_domain::attempt::{AttemptKey, AttemptRecord};
use doorward_domain::audit::Event;
use doorward_domain::id::{JobId, MailId, SessionId, UserId};
use doorward_domain::job::{DedupeKey, Job};
use doorward_domain::key::SealedKey;
use doorward_domain::mail::OutboxEntry;
use doorward_domain::password::PepperId;
use doorward_domain::session::Session;
use doorward_domain::setup::SetupState;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{Revocation, Revoked};

/// The complete content of the store.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<UserId, Credentials>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) attempts: BTreeMap<AttemptKey, AttemptRecord>,
    /// Networks by their keys: the key of the account, and the latest login from the network.
    pub(super) networks: BTreeMap<AttemptKey, (AttemptKey, Timestamp)>,
    pub(super) events: Vec<Event>,
    pub(super) keys: Vec<SealedKey>,
    /// Jobs, with the dedupe keys of those that hold one.
    pub(super) jobs: BTreeMap<JobId, (Job, Option<DedupeKey>)>,
    /// Mails, with their dedupe keys.
    pub(super) outbox: BTreeMap<MailId, (OutboxEntry, DedupeKey)>,
    pub(super) revocations: Vec<Revocation>,
    /// The number of the latest entry ever written, as if each had a transaction of its own: numbers are never reused.
    pub(super) latest_revocation: u64,
    pub(super) pepper: Option<PepperId>,
    pub(super) setup: SetupState,
}

impl State {
    /// The account with that address.
    pub(super) fn account_of(&self, email: &CanonicalEmail) -> Option<&Credentials> {
        self.accounts
            .values()
            .find(|account| account.user.email.canonical() == email)
    }

    /// Adds an entry to the log of revocations.
    pub(super) fn revoke(&mut self, revoked: Revoked, at: Timestamp) {
        self.latest_revocation += 1;
        self.revocations.push(Revocation {
            transaction: self.latest_revocation,
            at,
            revoked,
        });
    }

    /// The networks of that account, the latest login first.
    pub(super) fn networks_of(&self, account: &AttemptKey) -> Vec<AttemptKey> {
        let mut networks: Vec<_> = self
            .networks
            .iter()
            .filter(|(_, (of, _))| of == account)
            .map(|(network, (_, last_login))| (*last_login, *network))
            .collect();
        networks.sort_unstable_by(|one, other| other.cmp(one));
        networks.into_iter().map(|(_, network)| network).collect()
    }
}
