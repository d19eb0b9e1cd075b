use diesel::prelude::*;

use doorward_domain::identity::{AttemptKey, AttemptRecord};
use doorward_domain::ports::{AttemptRepository, StoreResult};

use crate::connection::on_either;
use crate::failure::Failure;
use crate::field::{Place, instant};
use crate::locks;
use crate::schema::attempts;
use crate::work::Work;

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    failures: i64,
    day_failures: i64,
    day_started_at: i64,
    last_at: i64,
}

impl AttemptRow {
    fn record(&self, key: &AttemptKey) -> Result<AttemptRecord, Failure> {
        // The key is a keyed hash; its beginning is enough to find the row.
        let beginning = key.as_bytes().first_chunk().copied().unwrap_or_default();
        let row = format!("{:016x}…", u64::from_be_bytes(beginning));
        let place = Place {
            table: "attempts",
            row: &row,
        };
        Ok(AttemptRecord {
            failures: place.counter("failures", self.failures)?,
            day_failures: place.counter("day_failures", self.day_failures)?,
            day_started_at: instant(self.day_started_at),
            last_at: instant(self.last_at),
        })
    }
}

impl AttemptRepository for Work<'_> {
    fn lock(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>> {
        self.write(|connection| {
            locks::attempts(connection, key)?;
            let row: Option<AttemptRow> = attempts::table
                .find(key.as_bytes().as_slice())
                .select(AttemptRow::as_select())
                .get_result(connection)
                .optional()?;
            row.map(|row| row.record(key)).transpose()
        })
    }

    fn put(&mut self, key: &AttemptKey, record: &AttemptRecord) -> StoreResult<()> {
        self.write(|connection| {
            let remembered = (
                attempts::failures.eq(i64::from(record.failures)),
                attempts::day_failures.eq(i64::from(record.day_failures)),
                attempts::day_started_at.eq(record.day_started_at.as_micros()),
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
