//! The log of revocations: table `revocations`.
//!
//! On SQLite, which has one writer, entries become visible in the order of their numbers. On PostgreSQL they become visible as
//! their transactions commit, in any order: an entry has the id of its transaction, and a reader asks for those of
//! transactions that its last snapshot did not contain. Nothing makes transactions wait for each other.
//!
//! Instances of the last release read the entries with a greater number than the last one that they have seen. An entry
//! is therefore written with a negative number, which they do not see, and gets its final one under a lock that they take
//! too: see [`Database::number_revocations`](crate::Database::number_revocations).

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use doorward_domain::audit::Event;
use doorward_domain::id::SessionId;
use doorward_domain::session::EndReason;
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::{Subject, SubjectVersion};
use doorward_domain::time::Timestamp;
use doorward_domain::token::RevocationLog;
use doorward_domain::token::{LogPage, LogPosition, Revocation, Revoked};

use crate::audit::events::{self, EVENT_COLUMNS, EVENT_VALUES, EventColumns};
use crate::column::{Location, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::locks;
use crate::transaction::{Expiring, Statement, Transaction, Value, affected, delete_batch};

#[derive(QueryableByName)]
struct RevocationRow {
    #[diesel(sql_type = BigInt)]
    transaction_id: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Text>)]
    session_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest_version: Option<i64>,
}

impl TryFrom<RevocationRow> for Revocation {
    type Error = DbError;

    fn try_from(row: RevocationRow) -> Result<Self, DbError> {
        let transaction = row.transaction_id.to_string();
        let location = Location {
            table: "revocations",
            row: &transaction,
        };
        let revoked = match (row.session_id, row.user_id, row.lowest_version) {
            (Some(id), None, None) => {
                Revoked::Session(location.parsed("session_id", SessionId::parse(&id).ok())?)
            }
            (None, Some(id), Some(version)) => Revoked::Subject {
                subject: location.parsed("user_id", Subject::parse(&id).ok())?,
                lowest_version: SubjectVersion::new(location.counter("lowest_version", version)?),
            },
            _ => return location.parsed("session_id", None),
        };
        Ok(Self {
            transaction: location.parsed("transaction_id", u64::try_from(row.transaction_id).ok())?,
            at: instant(row.at),
            revoked,
        })
    }
}

/// What PostgreSQL returns: the snapshot in every row, and a row without an entry if there is none.
#[derive(QueryableByName)]
struct SnapshotRow {
    #[diesel(sql_type = Text)]
    snapshot: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    transaction_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    session_id: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user_id: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lowest_version: Option<i64>,
}

/// Parses a `pg_snapshot`, `xmin:xmax:xip,…`. Returns the running transactions and the first id that was not assigned.
fn parse_snapshot(text: &str) -> Option<(Vec<u64>, u64)> {
    let mut parts = text.split(':').skip(1);
    let horizon = parts.next()?.parse().ok()?;
    let running = parts.next()?.split(',').filter(|id| !id.is_empty());
    Some((running.map(|id| id.parse().ok()).collect::<Option<_>>()?, horizon))
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn after_on_sqlite(
    connection: &mut SqliteConnection,
    position: &LogPosition,
    limit: u32,
) -> Result<LogPage, DbError> {
    let sql = "SELECT number AS transaction_id, at, session_id, user_id, lowest_version FROM revocations \
        WHERE number >= ? ORDER BY number LIMIT ?";
    let rows: Vec<RevocationRow> = diesel::sql_query(sql)
        .bind::<BigInt, _>(bound(position.latest()))
        .bind::<BigInt, _>(i64::from(limit))
        .load(connection)?;
    Ok(LogPage {
        entries: rows
            .into_iter()
            .map(Revocation::try_from)
            .collect::<Result<_, _>>()?,
        pending: Vec::new(),
        horizon: u64::MAX,
    })
}

fn after_on_postgres(
    connection: &mut PgConnection,
    position: &LogPosition,
    limit: u32,
) -> Result<LogPage, DbError> {
    let sql = "SELECT snapshot, transaction_id, at, session_id, user_id, lowest_version \
        FROM (SELECT pg_current_snapshot()::text AS snapshot) AS this \
        LEFT JOIN revocations ON transaction_id >= $1 OR transaction_id = ANY ($2) \
        ORDER BY transaction_id, number LIMIT $3";
    let pending: Vec<i64> = position.pending().iter().copied().map(bound).collect();
    let rows: Vec<SnapshotRow> = diesel::sql_query(sql)
        .bind::<BigInt, _>(bound(position.latest()))
        .bind::<Array<BigInt>, _>(pending)
        .bind::<BigInt, _>(i64::from(limit))
        .load(connection)?;
    let snapshot = rows.first().and_then(|row| parse_snapshot(&row.snapshot));
    let Some((pending, horizon)) = snapshot else {
        return Err(DbError::unavailable("the database returned no snapshot"));
    };
    let entries = rows.into_iter().filter_map(|row| {
        Some(RevocationRow {
            transaction_id: row.transaction_id?,
            at: row.at?,
            session_id: row.session_id,
            user_id: row.user_id,
            lowest_version: row.lowest_version,
        })
    });
    Ok(LogPage {
        entries: entries.map(Revocation::try_from).collect::<Result<_, _>>()?,
        pending,
        horizon,
    })
}

/// The columns and values of a new entry's number. See the module's documentation.
const fn number(connection: &AnyConnection) -> (&'static str, &'static str, &'static str) {
    match connection {
        AnyConnection::Sqlite(_) => ("", "", ""),
        AnyConnection::Postgres(_) => (
            "number, ",
            "OVERRIDING SYSTEM VALUE ",
            "-nextval('revocations_number_seq'), ",
        ),
    }
}

fn insert(connection: &mut AnyConnection, revoked: &Revoked, at: i64) -> Result<(), DbError> {
    let (column, overriding, number) = number(connection);
    let (id, columns, placeholders, version) = match revoked {
        Revoked::Session(id) => (id.to_string(), "session_id", "?", None),
        // Despite its name, the column also identifies services; it is older than they are.
        Revoked::Subject {
            subject,
            lowest_version,
        } => (
            subject.to_string(),
            "user_id, lowest_version",
            "?, ?",
            Some(i64::from(lowest_version.get())),
        ),
    };
    let sql = format!(
        "INSERT INTO revocations ({column}at, {columns}) {overriding}VALUES ({number}?, {placeholders})"
    );
    let mut values = vec![Value::Number(at), Value::Text(&id)];
    values.extend(version.map(Value::Number));
    let statement = Statement::<()>::new(&sql, &values);
    on_either!(connection, inner => statement.execute(inner))?;
    Ok(())
}

const END: &str = "UPDATE sessions SET ended_at = ?, end_reason = ? WHERE id = ? AND ended_at IS NULL";

/// Ends a session, revokes its tokens and records it, in one statement.
fn end_on_postgres(
    connection: &mut PgConnection,
    end: &[Value<'_>; 3],
    event: &Event,
) -> Result<bool, DbError> {
    let sql = format!(
        "WITH ended AS ({END} RETURNING id, ended_at), \
         revoked AS (INSERT INTO revocations (number, at, session_id) OVERRIDING SYSTEM VALUE \
             SELECT -nextval('revocations_number_seq'), ended_at, id FROM ended) \
         INSERT INTO events ({EVENT_COLUMNS}) SELECT {EVENT_VALUES} FROM ended"
    );
    let columns = EventColumns::of(event)?;
    let values: Vec<Value<'_>> = end.iter().copied().chain(columns.values()).collect();
    affected(Statement::<()>::new(&sql, &values).execute(connection))
}

impl RevocationLog for Transaction<'_> {
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()> {
        self.write(|connection| {
            for revoked in revoked {
                insert(connection, revoked, now.as_micros())?;
            }
            Ok(())
        })
    }

    fn end_session(&mut self, id: SessionId, reason: EndReason, event: &Event) -> StoreResult<bool> {
        self.write(|connection| {
            let (text, at) = (id.to_string(), event.at.as_micros());
            let end = [
                Value::Number(at),
                Value::Text(reason.as_str()),
                Value::Text(&text),
            ];
            if let AnyConnection::Postgres(connection) = connection {
                return end_on_postgres(connection, &end, event);
            }
            let statement = Statement::<()>::new(END, &end);
            let ended = affected(on_either!(connection, inner => statement.execute(inner)))?;
            if ended {
                insert(connection, &Revoked::Session(id), at)?;
                events::insert(connection, event)?;
            }
            Ok(ended)
        })
    }

    fn after(&mut self, position: &LogPosition, limit: u32) -> StoreResult<LogPage> {
        self.read(|connection| match connection {
            AnyConnection::Sqlite(connection) => after_on_sqlite(connection, position, limit),
            AnyConnection::Postgres(connection) => after_on_postgres(connection, position, limit),
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "revocations",
                id: "number",
                column: "at",
            };
            delete_batch::<BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Gives new entries their final numbers, so that they become visible in the order of their numbers.
pub(crate) fn number_new(connection: &mut AnyConnection) -> Result<(), DbError> {
    let sql = "SELECT count(*) AS count FROM (SELECT 1 FROM revocations WHERE number < 0 LIMIT 1) AS one";
    let Count { count } = diesel::sql_query(sql).get_result(connection)?;
    if count > 0 {
        locks::revocations(connection)?;
        diesel::sql_query("UPDATE revocations SET number = DEFAULT WHERE number < 0").execute(connection)?;
    }
    Ok(())
}

/// Entries of a dump have the ids of transactions of the server where it was made. Where they are greater than those of this
/// server, no later entry would be; they get the id of this transaction.
pub(crate) fn adopt_copied(connection: &mut PgConnection) -> QueryResult<()> {
    let sql = "UPDATE revocations SET transaction_id = DEFAULT \
        WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
    diesel::sql_query(sql).execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_parsed() {
        assert_eq!(parse_snapshot("10:20:10,14"), Some((vec![10, 14], 20)));
        assert_eq!(parse_snapshot("10:10:"), Some((vec![], 10)));
        for text in ["", "10", "10:20", "10:x:", "10:20:1,x"] {
            assert_eq!(parse_snapshot(text), None, "{text}");
        }
    }
}
