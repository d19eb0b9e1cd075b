//! The repositories of a transaction. Each is implemented in the folder of its feature.

use doorward_domain::ports::{
    AttemptRepository, EventLog, KeyRepository, NetworkRepository, Repositories, RevocationLog,
    SessionRepository, SetupRepository, StoreResult, Sweeping, UserRepository,
};
use doorward_domain::time::Timestamp;

use crate::attempt::{attempts, networks};
use crate::audit::events;
use crate::session::{revocations, sessions};
use crate::transaction::Transaction;

impl Repositories for Transaction<'_> {
    fn users(&mut self) -> &mut dyn UserRepository {
        self
    }

    fn sessions(&mut self) -> &mut dyn SessionRepository {
        self
    }

    fn attempts(&mut self) -> &mut dyn AttemptRepository {
        self
    }

    fn networks(&mut self) -> &mut dyn NetworkRepository {
        self
    }

    fn events(&mut self) -> &mut dyn EventLog {
        self
    }

    fn revocations(&mut self) -> &mut dyn RevocationLog {
        self
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        self
    }

    fn sweeping(&mut self) -> &mut dyn Sweeping {
        self
    }

    fn setup(&mut self) -> &mut dyn SetupRepository {
        self
    }
}

/// Which tables have rows that expire.
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
