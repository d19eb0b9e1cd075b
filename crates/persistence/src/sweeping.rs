use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use doorward_domain::id::EventId;
use doorward_domain::ports::{StoreResult, Sweeping};
use doorward_domain::time::Timestamp;

use crate::connection::on_either;
use crate::error::Failure;
use crate::transaction::Work;

/// Deletes a batch of the rows whose value in `$column` is less than `$bound`, the least first. In SQL, because Diesel's
/// common connection knows no limited deletion; rows that another instance is deleting at the moment are left to it.
macro_rules! delete_batch {
    ($work:expr, $limit:expr, $table:literal, $id:literal, $column:literal < $type:ty: $bound:expr) => {
        $work.write(|connection| {
            const SELECT: &str = concat!(
                "SELECT ", $id, " FROM ", $table, " WHERE ", $column, " < $1 ORDER BY ", $column, " LIMIT $2"
            );
            let skip = on_either!(connection, inner => skip_locked(inner));
            let statement = format!("DELETE FROM {} WHERE {} IN ({SELECT}{skip})", $table, $id);
            let query = diesel::sql_query(statement)
                .bind::<$type, _>($bound)
                .bind::<BigInt, _>(i64::from($limit));
            let deleted = on_either!(connection, inner => query.execute(inner))?;
            Ok::<_, Failure>(u64::try_from(deleted).unwrap_or(u64::MAX))
        })
    };
}

/// What keeps two instances from waiting for each other over what both want to be rid of.
trait SkipLocked {
    const CLAUSE: &'static str;
}

impl SkipLocked for SqliteConnection {
    const CLAUSE: &'static str = "";
}

impl SkipLocked for PgConnection {
    const CLAUSE: &'static str = " FOR UPDATE SKIP LOCKED";
}

const fn skip_locked<C: SkipLocked>(_connection: &C) -> &'static str {
    C::CLAUSE
}

impl Sweeping for Work<'_> {
    fn expired_sessions(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        delete_batch!(self, limit, "sessions", "id", "expires_at" < BigInt: before.as_micros())
    }

    fn old_attempts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        delete_batch!(self, limit, "attempts", "key", "last_at" < BigInt: before.as_micros())
    }

    fn old_networks(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        delete_batch!(self, limit, "known_networks", "key", "last_at" < BigInt: before.as_micros())
    }

    fn old_revocations(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        delete_batch!(self, limit, "revocations", "number", "at" < BigInt: before.as_micros())
    }

    fn old_events(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        // By the primary key, which is in the order of time: an index over `at` would cost every entry something.
        delete_batch!(self, limit, "events", "id", "id" < Text: EventId::least_at(before).to_string())
    }
}
