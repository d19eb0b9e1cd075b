use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::audit::{EventFilter, EventLog};
use doorward_domain::client::ClientId;
use doorward_domain::id::{EventId, RequestId, SessionId, UserId};
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::Subject;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant, without_nul};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::schema::events;
use crate::transaction::{Expiring, Statement, Transaction, Value, delete_batch};

#[derive(Queryable, Selectable)]
#[diesel(table_name = events)]
pub(crate) struct EventRow {
    id: String,
    at: i64,
    kind: String,
    outcome: String,
    user_id: Option<String>,
    actor_id: Option<String>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: String,
    detail: String,
    service_id: Option<String>,
    actor_service_id: Option<String>,
}

/// A column with the id of a user and its value, and the column with the id of a service that is used instead.
type SubjectColumns<'r> = [(&'static str, Option<&'r str>); 2];

/// Reads a subject, of which at most one column has a value.
fn subject(location: Location<'_>, columns: SubjectColumns<'_>) -> Result<Option<Subject>, DbError> {
    match columns {
        [(_, None), (_, None)] => Ok(None),
        [(column, Some(id)), (_, None)] => {
            let user = location.parsed(column, UserId::parse(id).ok())?;
            Ok(Some(Subject::User(user)))
        }
        [(_, None), (column, Some(id))] => {
            let service = location.parsed(column, ClientId::parse(id).ok())?;
            Ok(Some(Subject::Service(service)))
        }
        [_, (column, Some(_))] => location.parsed(column, None),
    }
}

fn user_of(subject: Option<&Subject>) -> Option<String> {
    subject.and_then(Subject::user_id).map(|id| id.to_string())
}

fn service_of(subject: Option<&Subject>) -> Option<&str> {
    subject.and_then(Subject::client_id).map(ClientId::as_str)
}

impl TryFrom<EventRow> for Event {
    type Error = DbError;

    fn try_from(row: EventRow) -> Result<Self, DbError> {
        let location = Location {
            table: "events",
            row: &row.id,
        };
        Ok(Self {
            id: location.parsed("id", EventId::parse(&row.id).ok())?,
            at: instant(row.at),
            kind: location.parsed("kind", EventKind::parse(&row.kind))?,
            outcome: location.parsed("outcome", EventOutcome::parse(&row.outcome))?,
            subject: subject(
                location,
                [
                    ("user_id", row.user_id.as_deref()),
                    ("service_id", row.service_id.as_deref()),
                ],
            )?,
            actor: subject(
                location,
                [
                    ("actor_id", row.actor_id.as_deref()),
                    ("actor_service_id", row.actor_service_id.as_deref()),
                ],
            )?,
            session_id: location.parsed_optional("session_id", row.session_id.as_deref(), |id| {
                SessionId::parse(id).ok()
            })?,
            ip: location.parsed_optional("ip", row.ip.as_deref(), |ip| ip.parse().ok())?,
            user_agent: row.user_agent,
            request_id: location.parsed("request_id", RequestId::parse(&row.request_id).ok())?,
            detail: location.parsed("detail", serde_json::from_str(&row.detail).ok())?,
        })
    }
}

/// The columns of an event, in the order of [`EVENT_COLUMNS`].
pub(crate) struct EventColumns<'e> {
    id: String,
    at: i64,
    kind: &'e str,
    outcome: &'e str,
    user_id: Option<String>,
    actor_id: Option<String>,
    session_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<&'e str>,
    request_id: String,
    detail: String,
    service_id: Option<&'e str>,
    actor_service_id: Option<&'e str>,
}

/// The columns of a new row, with a placeholder for each in [`EVENT_VALUES`].
pub(crate) const EVENT_COLUMNS: &str = "id, at, kind, outcome, user_id, actor_id, session_id, ip, user_agent, request_id, \
    detail, service_id, actor_service_id";

/// A placeholder for each of [`EVENT_COLUMNS`].
pub(crate) const EVENT_VALUES: &str = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";

impl<'e> EventColumns<'e> {
    pub(crate) fn of(event: &'e Event) -> Result<Self, DbError> {
        let user_agent = event
            .user_agent
            .as_deref()
            .map(|text| without_nul("events", "user_agent", text));
        // JSON escapes NUL characters, so there are none.
        let detail = serde_json::to_string(&event.detail)
            .map_err(|_unspecific| DbError::unreadable("events", "detail", event.id))?;
        Ok(Self {
            id: event.id.to_string(),
            at: event.at.as_micros(),
            kind: event.kind.as_str(),
            outcome: event.outcome.as_str(),
            user_id: user_of(event.subject.as_ref()),
            actor_id: user_of(event.actor.as_ref()),
            session_id: event.session_id.map(|id| id.to_string()),
            ip: event.ip.map(|ip| ip.to_string()),
            user_agent: user_agent.transpose()?,
            request_id: event.request_id.to_string(),
            detail,
            service_id: service_of(event.subject.as_ref()),
            actor_service_id: service_of(event.actor.as_ref()),
        })
    }

    pub(crate) fn values(&self) -> [Value<'_>; 13] {
        [
            Value::Text(&self.id),
            Value::Number(self.at),
            Value::Text(self.kind),
            Value::Text(self.outcome),
            Value::OptionalText(self.user_id.as_deref()),
            Value::OptionalText(self.actor_id.as_deref()),
            Value::OptionalText(self.session_id.as_deref()),
            Value::OptionalText(self.ip.as_deref()),
            Value::OptionalText(self.user_agent),
            Value::Text(&self.request_id),
            Value::Text(&self.detail),
            Value::OptionalText(self.service_id),
            Value::OptionalText(self.actor_service_id),
        ]
    }
}

/// Adds an event to the audit log.
pub(crate) fn insert(connection: &mut AnyConnection, event: &Event) -> Result<(), DbError> {
    let sql = format!("INSERT INTO events ({EVENT_COLUMNS}) VALUES ({EVENT_VALUES})");
    let columns = EventColumns::of(event)?;
    let values = columns.values();
    let statement = Statement::<()>::new(&sql, &values);
    on_either!(connection, inner => statement.execute(inner))?;
    Ok(())
}

impl EventLog for Transaction<'_> {
    fn append(&mut self, event: &Event) -> StoreResult<()> {
        self.write(|connection| insert(connection, event))
    }

    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>> {
        self.read(|connection| {
            let rows = load(connection, filter, before, limit)?;
            rows.into_iter().map(Event::try_from).collect()
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            // By the primary key, which is in chronological order: an index on `at` would make every insertion slower.
            let rows = Expiring {
                table: "events",
                id: "id",
                column: "id",
            };
            delete_batch::<Text, _>(connection, &rows, EventId::least_at(before).to_string(), limit)
        })
    }
}

/// Greater than every id: ids begin with a digit or a letter up to `f`.
const AFTER_ALL: &str = "g";

/// Loads up to `limit` events in descending order of id, from the index on the filtered columns and the id.
///
/// SQLite has no statistics and uses that index for an equality. PostgreSQL, given an equality, may read in the order of the
/// primary key in the hope of an early match, and so scan a log of a million events for a kind whose last event is a year
/// old. It is therefore given bounds instead, and the filtered value leads the order: since PostgreSQL does not know that
/// the value is constant, only the intended index provides that order. Both databases start to read where the page starts.
fn load(
    connection: &mut AnyConnection,
    filter: &EventFilter,
    before: Option<EventId>,
    limit: u32,
) -> QueryResult<Vec<EventRow>> {
    let before = before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string());
    let query = events::table
        .select(EventRow::as_select())
        .limit(i64::from(limit));
    let (indexed, value) = match (filter.user_id, filter.kind.map(EventKind::as_str)) {
        (None, None) => {
            let all = query.filter(events::id.lt(before)).order(events::id.desc());
            return all.load(connection);
        }
        (Some(user), None) => ("user_id", user.to_string()),
        (None, Some(kind)) => ("kind", kind.to_owned()),
        // The expression of the index `events_user_id_kind_id`.
        (Some(user), Some(kind)) => ("(user_id || ' ' || kind)", format!("{user} {kind}")),
    };
    if matches!(connection, AnyConnection::Sqlite(_)) {
        return query
            .filter(sql::<Bool>(&format!("{indexed} = ")).bind::<Text, _>(value))
            .filter(events::id.lt(before))
            .order(events::id.desc())
            .load(connection);
    }
    query
        .filter(sql::<Bool>(&format!("{indexed} >= ")).bind::<Text, _>(value.clone()))
        .filter(
            sql::<Bool>(&format!("({indexed}, id) < ("))
                .bind::<Text, _>(value)
                .sql(", ")
                .bind::<Text, _>(before)
                .sql(")"),
        )
        .order(sql::<Text>(&format!("{indexed} DESC, id DESC")))
        .load(connection)
}
