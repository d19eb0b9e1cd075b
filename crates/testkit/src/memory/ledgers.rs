//! Repositories of attempts, networks, events, revocations, keys and setup.

use std::cmp::Reverse;

use doorward_domain::attempt::{AttemptKey, AttemptRecord};
use doorward_domain::attempt::{AttemptRepository, AttemptState, NetworkRepository};
use doorward_domain::audit::Event;
use doorward_domain::audit::{EventFilter, EventLog};
use doorward_domain::id::{EventId, SessionId};
use doorward_domain::key::KeyRepository;
use doorward_domain::key::{KeyPurpose, SealedKey};
use doorward_domain::password::{PepperId, PepperRepository};
use doorward_domain::session::EndReason;
use doorward_domain::setup::{SetupRepository, SetupState};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_domain::token::RevocationLog;
use doorward_domain::token::{LogPage, LogPosition, Revoked};

use super::retention::delete_expired;
use super::sessions::end;
use super::transaction::Transaction;

impl AttemptRepository for Transaction {
    fn states(&mut self, keys: &[AttemptKey]) -> StoreResult<Vec<AttemptState>> {
        let state = self.look_once()?;
        let of = |key| AttemptState {
            record: state.attempts.get(key).copied(),
            last_login: state.networks.get(key).map(|(_, last_login)| *last_login),
        };
        Ok(keys.iter().map(of).collect())
    }

    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>> {
        Ok(self.look_once()?.attempts.get(key).copied())
    }

    fn replace(
        &mut self,
        key: &AttemptKey,
        before: Option<&AttemptRecord>,
        after: Option<&AttemptRecord>,
    ) -> StoreResult<bool> {
        let attempts = &mut self.change_once()?.attempts;
        if attempts.get(key) != before {
            return Ok(false);
        }
        match after {
            Some(record) => attempts.insert(*key, *record),
            None => attempts.remove(key),
        };
        Ok(true)
    }

    fn forget(&mut self, key: &AttemptKey) -> StoreResult<()> {
        self.change()?.attempts.remove(key);
        Ok(())
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let attempts = &mut self.change()?.attempts;
        Ok(delete_expired(
            |keep| attempts.retain(|_, record| keep(record)),
            |record| record.last_at < before,
            limit,
        ))
    }
}

impl NetworkRepository for Transaction {
    fn note(&mut self, logins: &[(AttemptKey, Timestamp)], account: &AttemptKey) -> StoreResult<()> {
        let logins = logins.iter().map(|(network, at)| (*network, (*account, *at)));
        self.change()?.networks.extend(logins);
        Ok(())
    }

    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>> {
        Ok(self.look()?.networks_of(account))
    }

    fn keep(&mut self, account: &AttemptKey, keep: u32) -> StoreResult<()> {
        let state = self.change()?;
        let keep = usize::try_from(keep).unwrap_or(usize::MAX);
        for network in state.networks_of(account).into_iter().skip(keep) {
            state.networks.remove(&network);
        }
        Ok(())
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let networks = &mut self.change()?.networks;
        Ok(delete_expired(
            |keep| networks.retain(|_, network| keep(network)),
            |(_, last_login)| *last_login < before,
            limit,
        ))
    }
}

impl EventLog for Transaction {
    fn append(&mut self, event: &Event) -> StoreResult<()> {
        self.change()?.events.push(event.clone());
        Ok(())
    }

    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>> {
        let is_meant = |event: &&Event| {
            before.is_none_or(|before| event.id < before)
                && filter
                    .user_id
                    .is_none_or(|user| event.subject == Some(user.into()))
                && filter.kind.is_none_or(|kind| event.kind == kind)
        };
        let mut events: Vec<Event> = self.look()?.events.iter().filter(is_meant).cloned().collect();
        events.sort_by_key(|event| Reverse(event.id));
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(events)
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let events = &mut self.change()?.events;
        let least = EventId::least_at(before);
        Ok(delete_expired(
            |keep| events.retain(|event| keep(event)),
            |event| event.id < least,
            limit,
        ))
    }
}

impl RevocationLog for Transaction {
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()> {
        let state = self.change()?;
        for revoked in revoked {
            state.revoke(revoked.clone(), now);
        }
        Ok(())
    }

    fn end_session(&mut self, id: SessionId, reason: EndReason, event: &Event) -> StoreResult<bool> {
        let state = self.change()?;
        let session = state.sessions.get_mut(&id);
        let ended = session.is_some_and(|session| end(session, reason, event.at));
        if ended {
            state.revoke(Revoked::Session(id), event.at);
            state.events.push(event.clone());
        }
        Ok(ended)
    }

    fn after(&mut self, position: &LogPosition, limit: u32) -> StoreResult<LogPage> {
        let state = self.look()?;
        let entries = state.revocations.iter();
        let entries = entries.filter(|entry| entry.transaction >= position.latest());
        Ok(LogPage {
            entries: entries
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .cloned()
                .collect(),
            pending: Vec::new(),
            horizon: state.latest_revocation + 1,
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let log = &mut self.change()?.revocations;
        Ok(delete_expired(
            |keep| log.retain(|entry| keep(entry)),
            |entry| entry.at < before,
            limit,
        ))
    }
}

impl KeyRepository for Transaction {
    fn list(&mut self, purpose: KeyPurpose) -> StoreResult<Vec<SealedKey>> {
        let keys = self.look()?.keys.iter();
        let mut keys: Vec<SealedKey> = keys.filter(|key| key.purpose == purpose).cloned().collect();
        keys.sort_by_key(|key| key.ordinal);
        Ok(keys)
    }

    fn insert(&mut self, key: &SealedKey) -> StoreResult<bool> {
        let keys = &mut self.change()?.keys;
        let is_taken = keys
            .iter()
            .any(|other| other.purpose == key.purpose && other.ordinal == key.ordinal);
        if !is_taken {
            keys.push(key.clone());
        }
        Ok(!is_taken)
    }

    fn reseal(&mut self, key: &SealedKey) -> StoreResult<bool> {
        let mut keys = self.change()?.keys.iter_mut();
        let found = keys
            .find(|other| other.purpose == key.purpose && other.ordinal == key.ordinal && other.id == key.id);
        Ok(found.map(|other| other.sealed.clone_from(&key.sealed)).is_some())
    }

    fn delete(&mut self, purpose: KeyPurpose, ordinal: u32) -> StoreResult<bool> {
        let keys = &mut self.change()?.keys;
        let before = keys.len();
        keys.retain(|key| key.purpose != purpose || key.ordinal != ordinal);
        Ok(keys.len() < before)
    }
}

impl PepperRepository for Transaction {
    fn pepper(&mut self) -> StoreResult<Option<PepperId>> {
        Ok(self.look()?.pepper)
    }

    fn record_pepper(&mut self, id: Option<PepperId>) -> StoreResult<()> {
        self.change()?.pepper = id;
        Ok(())
    }
}

impl SetupRepository for Transaction {
    fn state(&mut self) -> StoreResult<SetupState> {
        Ok(self.look()?.setup)
    }

    fn offer_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool> {
        let setup = &mut self.change()?.setup;
        let is_open = setup.completed_at.is_none() && setup.token_digest.is_none();
        if is_open {
            setup.token_digest = Some(*digest);
        }
        Ok(is_open)
    }

    fn replace_token(&mut self, digest: &[u8; 32], is_configured: bool) -> StoreResult<bool> {
        let setup = &mut self.change()?.setup;
        let is_open = setup.completed_at.is_none();
        if is_open {
            setup.token_digest = Some(*digest);
            setup.token_is_configured = is_configured;
        }
        Ok(is_open)
    }

    fn withdraw_configured_token(&mut self) -> StoreResult<bool> {
        let setup = &mut self.change()?.setup;
        let is_configured = setup.token_is_configured && setup.completed_at.is_none();
        if is_configured {
            *setup = SetupState::default();
        }
        Ok(is_configured)
    }

    fn complete(&mut self, now: Timestamp) -> StoreResult<bool> {
        let setup = &mut self.change()?.setup;
        let is_open = setup.completed_at.is_none();
        if is_open {
            *setup = SetupState {
                completed_at: Some(now),
                ..SetupState::default()
            };
        }
        Ok(is_open)
    }
}
