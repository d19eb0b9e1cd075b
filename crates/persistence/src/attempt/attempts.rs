use diesel::prelude::*;
use diesel::sql_types::BigInt;

use doorward_domain::attempt::AttemptRepository;
use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::locks;
use crate::schema::attempts;
use crate::transaction::{Expiring, Transaction, delete_batch};

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    failures: i64,
    recent: Vec<u8>,
    last_at: i64,
}

impl AttemptRow {
    fn record(self, key: &AttemptKey) -> Result<AttemptRecord, DbError> {
        // The key is a keyed hash; its first bytes are enough to find the row.
        let prefix = key.as_bytes().first_chunk().copied().unwrap_or_default();
        let row = format!("{:016x}…", u64::from_be_bytes(prefix));
        let location = Location {
            table: "attempts",
            row: &row,
        };
        Ok(AttemptRecord {
            failures: location.counter("failures", self.failures)?,
            recent: RecentAttempts::from_bytes(&location.bytes("recent", self.recent)?),
            last_at: instant(self.last_at),
        })
    }
}

fn find(connection: &mut AnyConnection, key: &AttemptKey) -> Result<Option<AttemptRecord>, DbError> {
    let row: Option<AttemptRow> = attempts::table
        .find(key.as_bytes().as_slice())
        .select(AttemptRow::as_select())
        .get_result(connection)
        .optional()?;
    row.map(|row| row.record(key)).transpose()
}

impl AttemptRepository for Transaction<'_> {
    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>> {
        self.read(|connection| find(connection, key))
    }

    fn lock(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>> {
        self.write(|connection| {
            locks::attempts(connection, key)?;
            find(connection, key)
        })
    }

    fn put(&mut self, key: &AttemptKey, record: &AttemptRecord) -> StoreResult<()> {
        self.write(|connection| {
            let recent = record.recent.to_bytes();
            let values = (
                attempts::failures.eq(i64::from(record.failures)),
                attempts::recent.eq(recent.as_slice()),
                attempts::last_at.eq(record.last_at.as_micros()),
            );
            let statement = diesel::insert_into(attempts::table)
                .values((attempts::key.eq(key.as_bytes().as_slice()), values))
                .on_conflict(attempts::key)
                .do_update()
                .set(values);
            on_either!(connection, inner => statement.execute(inner))?;
            Ok(())
        })
    }

    fn forget(&mut self, key: &AttemptKey) -> StoreResult<()> {
        self.write(|connection| {
            diesel::delete(attempts::table.find(key.as_bytes().as_slice())).execute(connection)?;
            Ok(())
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "attempts",
                id: "key",
                column: "last_at",
            };
            delete_batch::<BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}
