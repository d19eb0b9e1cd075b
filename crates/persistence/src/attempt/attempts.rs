use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};

use doorward_domain::attempt::{AttemptKey, AttemptRecord, RecentAttempts};
use doorward_domain::attempt::{AttemptRepository, AttemptState};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::schema::attempts;
use crate::transaction::{Expiring, Statement, Transaction, Value, affected, delete_batch};

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

/// A known network, or an attempt record, which has the counts too.
#[derive(Queryable)]
struct StateRow {
    key: Vec<u8>,
    last_at: i64,
    failures: Option<i64>,
    recent: Option<Vec<u8>>,
}

/// The types of the columns of [`StateRow`].
type StateColumns = (Binary, BigInt, Nullable<BigInt>, Nullable<Binary>);

/// The number of keys in a statement. Further ones repeat the last key, so that the statement has one text.
const KEYS: usize = 4;

const STATES: &str = "\
    SELECT key, last_at, NULL, NULL FROM known_networks WHERE key IN (?, ?, ?, ?) \
    UNION ALL SELECT key, last_at, failures, recent FROM attempts WHERE key IN (?, ?, ?, ?)";

/// What is stored under at most [`KEYS`] keys.
fn states(connection: &mut AnyConnection, keys: &[AttemptKey]) -> Result<Vec<AttemptState>, DbError> {
    let Some(last) = keys.last() else {
        return Ok(Vec::new());
    };
    let mut values = Vec::with_capacity(2 * KEYS);
    for _table in 0..2 {
        let repeated = keys.iter().chain(std::iter::repeat(last));
        values.extend(repeated.take(KEYS).map(|key| Value::Bytes(key.as_bytes())));
    }
    let statement = Statement::<StateColumns>::new(STATES, &values);
    let rows: Vec<StateRow> = on_either!(connection, inner => statement.load(inner))?;
    let mut states = vec![AttemptState::default(); keys.len()];
    for row in rows {
        for (key, state) in keys.iter().zip(&mut states) {
            if row.key != key.as_bytes() {
                continue;
            }
            match (row.failures, row.recent.clone()) {
                (Some(failures), Some(recent)) => {
                    let row = AttemptRow {
                        failures,
                        recent,
                        last_at: row.last_at,
                    };
                    state.record = Some(row.record(key)?);
                }
                _ => state.last_login = Some(instant(row.last_at)),
            }
        }
    }
    Ok(states)
}

/// Waits only for a transaction that inserts the same key.
const INSERT: &str =
    "INSERT INTO attempts (key, failures, recent, last_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING";

// These wait for a transaction that has written the row. On PostgreSQL, whose transactions are READ COMMITTED, the condition
// is then checked on what it has left.
const UPDATE: &str = "UPDATE attempts SET failures = ?, recent = ?, last_at = ? \
    WHERE key = ? AND failures = ? AND recent = ? AND last_at = ?";
const DELETE: &str = "DELETE FROM attempts WHERE key = ? AND failures = ? AND recent = ? AND last_at = ?";

/// The columns of a record as values.
struct Columns {
    failures: i64,
    recent: [u8; RecentAttempts::BYTES],
    last_at: i64,
}

impl Columns {
    fn of(record: &AttemptRecord) -> Self {
        Self {
            failures: record.failures.into(),
            recent: record.recent.to_bytes(),
            last_at: record.last_at.as_micros(),
        }
    }

    fn values(&self) -> [Value<'_>; 3] {
        [
            Value::Number(self.failures),
            Value::Bytes(&self.recent),
            Value::Number(self.last_at),
        ]
    }
}

impl AttemptRepository for Transaction<'_> {
    fn states(&mut self, keys: &[AttemptKey]) -> StoreResult<Vec<AttemptState>> {
        self.read_single(|connection| {
            let mut found = Vec::with_capacity(keys.len());
            for keys in keys.chunks(KEYS) {
                found.extend(states(connection, keys)?);
            }
            Ok(found)
        })
    }

    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>> {
        self.read_single(|connection| find(connection, key))
    }

    fn replace(
        &mut self,
        key: &AttemptKey,
        before: Option<&AttemptRecord>,
        after: Option<&AttemptRecord>,
    ) -> StoreResult<bool> {
        self.write_single(|connection| {
            let (before, after) = (before.map(Columns::of), after.map(Columns::of));
            let mut values = Vec::with_capacity(7);
            let sql = match (&before, &after) {
                (None, Some(after)) => {
                    values.push(Value::Bytes(key.as_bytes()));
                    values.extend(after.values());
                    INSERT
                }
                (Some(before), Some(after)) => {
                    values.extend(after.values());
                    values.push(Value::Bytes(key.as_bytes()));
                    values.extend(before.values());
                    UPDATE
                }
                (Some(before), None) => {
                    values.push(Value::Bytes(key.as_bytes()));
                    values.extend(before.values());
                    DELETE
                }
                (None, None) => return Ok(find(connection, key)?.is_none()),
            };
            let statement = Statement::<()>::new(sql, &values);
            affected(on_either!(connection, inner => statement.execute(inner)))
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
