use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use doorward_domain::id::JobId;
use doorward_domain::job::{
    DedupeKey, Job, JobCounts, JobFailure, JobKind, JobPayload, JobRepository, JobState, NewJob,
};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::schema::jobs;
use crate::transaction::{Expiring, Transaction, affected, delete_batch};

#[derive(Queryable, Selectable)]
#[diesel(table_name = jobs)]
struct JobRow {
    id: String,
    kind: String,
    payload: String,
    attempts: i64,
    created_at: i64,
    due_at: i64,
    give_up_at: i64,
    died_at: Option<i64>,
    last_failure: Option<String>,
}

impl TryFrom<JobRow> for Job {
    type Error = DbError;

    fn try_from(row: JobRow) -> Result<Self, DbError> {
        let location = Location {
            table: "jobs",
            row: &row.id,
        };
        Ok(Self {
            id: location.parsed("id", JobId::parse(&row.id).ok())?,
            kind: location.parsed("kind", JobKind::parse(&row.kind).ok())?,
            payload: location.parsed("payload", JobPayload::new(row.payload).ok())?,
            attempts: location.counter("attempts", row.attempts)?,
            created_at: instant(row.created_at),
            due_at: instant(row.due_at),
            give_up_at: instant(row.give_up_at),
            state: row
                .died_at
                .map_or(JobState::Ready, |at| JobState::Dead(instant(at))),
            last_failure: row.last_failure.as_deref().map(JobFailure::new),
        })
    }
}

/// The jobs of a kind that are due, locked on PostgreSQL, where those that another transaction has locked are left out. On
/// SQLite a writing transaction has no concurrent writer.
fn lock_due(
    connection: &mut AnyConnection,
    kind: &JobKind,
    now: Timestamp,
    limit: u32,
) -> QueryResult<Vec<JobRow>> {
    let due = jobs::table
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::died_at.is_null())
        .filter(jobs::due_at.le(now.as_micros()))
        .order((jobs::due_at, jobs::id))
        .limit(i64::from(limit));
    match connection {
        AnyConnection::Sqlite(connection) => due.select(JobRow::as_select()).load(connection),
        AnyConnection::Postgres(connection) => due
            .select(JobRow::as_select())
            .for_update()
            .skip_locked()
            .load(connection),
    }
}

/// The job, on condition that it is ready and its latest claim is that attempt.
macro_rules! held {
    ($id:expr, $attempt:expr) => {
        jobs::table
            .find($id.to_string())
            .filter(jobs::attempts.eq(i64::from($attempt)))
            .filter(jobs::died_at.is_null())
    };
}

impl JobRepository for Transaction<'_> {
    fn enqueue(&mut self, job: &NewJob) -> StoreResult<bool> {
        self.write(|connection| {
            let values = (
                jobs::id.eq(job.id.to_string()),
                jobs::kind.eq(job.kind.as_str()),
                jobs::payload.eq(job.payload.as_str()),
                jobs::dedupe_key.eq(job.dedupe_key.as_ref().map(DedupeKey::as_str)),
                jobs::attempts.eq(0),
                jobs::created_at.eq(job.created_at.as_micros()),
                jobs::due_at.eq(job.due_at.as_micros()),
                jobs::give_up_at.eq(job.give_up_at.as_micros()),
            );
            let statement = diesel::insert_into(jobs::table)
                .values(values)
                .on_conflict(jobs::dedupe_key)
                .do_nothing();
            // Waits for a concurrent transaction that has queued a job with the same key.
            affected(on_either!(connection, inner => statement.execute(inner)))
        })
    }

    fn find(&mut self, id: JobId) -> StoreResult<Option<Job>> {
        self.read(|connection| {
            let row: Option<JobRow> = jobs::table
                .find(id.to_string())
                .select(JobRow::as_select())
                .get_result(connection)
                .optional()?;
            row.map(Job::try_from).transpose()
        })
    }

    fn next_due(&mut self, kind: &JobKind) -> StoreResult<Option<Timestamp>> {
        self.read(|connection| {
            // Both databases read the least value from the index and stop there.
            let first: Option<i64> = jobs::table
                .filter(jobs::kind.eq(kind.as_str()))
                .filter(jobs::died_at.is_null())
                .select(min(jobs::due_at))
                .get_result(connection)?;
            Ok(first.map(instant))
        })
    }

    fn claim(
        &mut self,
        kind: &JobKind,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<Job>> {
        self.write(|connection| {
            let mut claimed = Vec::new();
            for mut row in lock_due(connection, kind, now, limit)? {
                row.attempts += 1;
                row.due_at = lease_until.as_micros();
                diesel::update(jobs::table.find(&row.id))
                    .set((jobs::attempts.eq(row.attempts), jobs::due_at.eq(row.due_at)))
                    .execute(connection)?;
                claimed.push(Job::try_from(row)?);
            }
            Ok(claimed)
        })
    }

    fn complete(&mut self, id: JobId, attempt: u32) -> StoreResult<bool> {
        self.write(|connection| affected(diesel::delete(held!(id, attempt)).execute(connection)))
    }

    fn retry(
        &mut self,
        id: JobId,
        attempt: u32,
        due_at: Timestamp,
        failure: &JobFailure,
    ) -> StoreResult<bool> {
        self.write(|connection| {
            let values = (
                jobs::due_at.eq(due_at.as_micros()),
                jobs::last_failure.eq(failure.as_str()),
            );
            affected(diesel::update(held!(id, attempt)).set(values).execute(connection))
        })
    }

    fn bury(&mut self, id: JobId, attempt: u32, now: Timestamp, failure: &JobFailure) -> StoreResult<bool> {
        self.write(|connection| {
            let values = (
                jobs::died_at.eq(now.as_micros()),
                jobs::dedupe_key.eq(None::<String>),
                jobs::last_failure.eq(failure.as_str()),
            );
            affected(diesel::update(held!(id, attempt)).set(values).execute(connection))
        })
    }

    fn count(&mut self, kind: &JobKind) -> StoreResult<JobCounts> {
        self.read(|connection| {
            // Two statements: each database has a partial index for each.
            let of_kind = jobs::table.filter(jobs::kind.eq(kind.as_str()));
            let ready: i64 = of_kind
                .filter(jobs::died_at.is_null())
                .count()
                .get_result(connection)?;
            let dead: i64 = of_kind
                .filter(jobs::died_at.is_not_null())
                .count()
                .get_result(connection)?;
            let number = |count| u64::try_from(count).unwrap_or(0);
            Ok(JobCounts {
                ready: number(ready),
                dead: number(dead),
            })
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "jobs",
                id: "id",
                column: "died_at",
            };
            delete_batch::<BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}
