use diesel::prelude::*;

use doorward_domain::identity::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::ports::{AttemptRepository, StoreResult};

use crate::column::{Place, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::Failure;
use crate::locks;
use crate::schema::attempts;
use crate::transaction::Work;

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    failures: i64,
    recent: Vec<u8>,
    last_at: i64,
}

impl AttemptRow {
    fn record(self, key: &AttemptKey) -> Result<AttemptRecord, Failure> {
        // The key is a keyed hash; its beginning is enough to find the row.
        let beginning = key.as_bytes().first_chunk().copied().unwrap_or_default();
        let row = format!("{:016x}…", u64::from_be_bytes(beginning));
        let place = Place {
            table: "attempts",
            row: &row,
        };
        Ok(AttemptRecord {
            failures: place.counter("failures", self.failures)?,
            recent: RecentAttempts::from_bytes(&place.bytes("recent", self.recent)?),
            last_at: instant(self.last_at),
        })
    }
}

fn find(connection: &mut AnyConnection, key: &AttemptKey) -> Result<Option<AttemptRecord>, Failure> {
    let row: Option<AttemptRow> = attempts::table
        .find(key.as_bytes().as_slice())
        .select(AttemptRow::as_select())
        .get_result(connection)
        .optional()?;
    row.map(|row| row.record(key)).transpose()
}

impl AttemptRepository for Work<'_> {
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
            let remembered = (
                attempts::failures.eq(i64::from(record.failures)),
                attempts::recent.eq(recent.as_slice()),
                attempts::last_at.eq(record.last_at.as_micros()),
            );
            let statement = diesel::insert_into(attempts::table)
                .values((attempts::key.eq(key.as_bytes().as_slice()), remembered))
                .on_conflict(attempts::key)
                .do_update()
                .set(remembered);
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
}
