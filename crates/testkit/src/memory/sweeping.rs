use doorward_domain::id::EventId;
use doorward_domain::store::Sweeping;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use super::transaction::Transaction;

/// Deletes up to `limit` of those that `is_old` means, and counts them.
fn sweep<T>(
    mut retain: impl FnMut(&mut dyn FnMut(&T) -> bool),
    is_old: impl Fn(&T) -> bool,
    limit: u32,
) -> u64 {
    let mut left = u64::from(limit);
    retain(&mut |entry| {
        let goes = left > 0 && is_old(entry);
        left -= u64::from(goes);
        !goes
    });
    u64::from(limit) - left
}

impl Sweeping for Transaction {
    fn expired_sessions(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let sessions = &mut self.change()?.sessions;
        Ok(sweep(
            |keep| sessions.retain(|_, session| keep(session)),
            |session| session.expires_at < before,
            limit,
        ))
    }

    fn old_attempts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let attempts = &mut self.change()?.attempts;
        Ok(sweep(
            |keep| attempts.retain(|_, record| keep(record)),
            |record| record.last_at < before,
            limit,
        ))
    }

    fn old_networks(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let networks = &mut self.change()?.networks;
        Ok(sweep(
            |keep| networks.retain(|_, network| keep(network)),
            |(_, last_login)| *last_login < before,
            limit,
        ))
    }

    fn old_revocations(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let log = &mut self.change()?.revocations;
        Ok(sweep(
            |keep| log.retain(|entry| keep(entry)),
            |entry| entry.at < before,
            limit,
        ))
    }

    fn old_events(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let events = &mut self.change()?.events;
        let least = EventId::least_at(before);
        Ok(sweep(
            |keep| events.retain(|event| keep(event)),
            |event| event.id < least,
            limit,
        ))
    }
}
