use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::id::{EventId, SessionId, UserId};
use doorward_domain::ports::{EventFilter, EventLog, StoreResult};

use crate::column::{Place, instant, without_nul};
use crate::connection::AnyConnection;
use crate::error::Failure;
use crate::schema::events;
use crate::transaction::Work;

/// An entry of the audit log.
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
}

impl TryFrom<EventRow> for Event {
    type Error = Failure;

    fn try_from(row: EventRow) -> Result<Self, Failure> {
        let place = Place {
            table: "events",
            row: &row.id,
        };
        let user = |id: &str| UserId::parse(id).ok();
        Ok(Self {
            id: place.parsed("id", EventId::parse(&row.id).ok())?,
            at: instant(row.at),
            kind: place.parsed("kind", EventKind::parse(&row.kind))?,
            outcome: place.parsed("outcome", EventOutcome::parse(&row.outcome))?,
            user_id: place.parsed_optional("user_id", row.user_id.as_deref(), user)?,
            actor_id: place.parsed_optional("actor_id", row.actor_id.as_deref(), user)?,
            session_id: place.parsed_optional("session_id", row.session_id.as_deref(), |id| {
                SessionId::parse(id).ok()
            })?,
            ip: place.parsed_optional("ip", row.ip.as_deref(), |ip| ip.parse().ok())?,
            user_agent: row.user_agent,
            request_id: row.request_id,
            detail: place.parsed("detail", serde_json::from_str(&row.detail).ok())?,
        })
    }
}

impl EventLog for Work<'_> {
    fn append(&mut self, event: &Event) -> StoreResult<()> {
        self.write(|connection| {
            let user_agent = event
                .user_agent
                .as_deref()
                .map(|text| without_nul("events", "user_agent", text));
            let detail = serde_json::to_string(&event.detail)
                .map_err(|_unspecific| Failure::unreadable("events", "detail", event.id))?;
            diesel::insert_into(events::table)
                .values((
                    events::id.eq(event.id.to_string()),
                    events::at.eq(event.at.as_micros()),
                    events::kind.eq(event.kind.as_str()),
                    events::outcome.eq(event.outcome.as_str()),
                    events::user_id.eq(event.user_id.map(|id| id.to_string())),
                    events::actor_id.eq(event.actor_id.map(|id| id.to_string())),
                    events::session_id.eq(event.session_id.map(|id| id.to_string())),
                    events::ip.eq(event.ip.map(|ip| ip.to_string())),
                    events::user_agent.eq(user_agent.transpose()?),
                    events::request_id.eq(without_nul("events", "request_id", &event.request_id)?),
                    // JSON writes a NUL as an escape: there is none in here.
                    events::detail.eq(detail),
                ))
                .execute(connection)?;
            Ok(())
        })
    }

    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>> {
        self.read(|connection| {
            let rows = load(connection, filter, before, limit)?;
            rows.into_iter().map(Event::try_from).collect()
        })
    }
}

/// Comes after every id, all of which begin with a digit or a letter up to `f`.
const AFTER_ALL: &str = "g";

/// Up to `limit` entries, from the index that has what the filter is about and then the id.
///
/// SQLite keeps no statistics, and takes that index for what is equal to something. PostgreSQL, told an equality, may take
/// the order from the primary key, hoping to meet what is looked for soon: it then reads a log of a million entries for a
/// kind of which the last is a year old. Therefore it is told bounds, with which the order begins: an order by something of
/// which it does not know that it is constant it can only take from the index that is meant. Both begin to read that index
/// where the page begins.
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
        // In the words of the index `events_user_id_kind_id`.
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
