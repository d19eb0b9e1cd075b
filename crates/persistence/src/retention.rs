//! Which tables have rows that expire.

use doorward_domain::store::Sweeping;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::attempt::{attempts, networks};
use crate::audit::events;
use crate::session::{revocations, sessions};
use crate::transaction::Transaction;

impl Sweeping for Transaction<'_> {
    fn expired_sessions(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| sessions::delete_expired(connection, before, limit))
    }

    fn old_attempts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| attempts::delete_expired(connection, before, limit))
    }

    fn old_networks(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| networks::delete_expired(connection, before, limit))
    }

    fn old_revocations(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| revocations::delete_expired(connection, before, limit))
    }

    fn old_events(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| events::delete_expired(connection, before, limit))
    }
}
