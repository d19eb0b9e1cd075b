use core::net::IpAddr;

use diesel::data_types::PgTimestamp;
use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use doorward_domain::account::User;
use doorward_domain::client::ClientId;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::{
    Authentication, AuthenticationMethods, EndReason, Ended, Generation, Session, SessionKey, SessionKind,
};
use doorward_domain::session::{MAX_ROTATION, SessionRepository};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::account::UserRow;
use crate::column::{Location, instant, without_nul};
use crate::connection::{AnyConnection, clock_timestamp, on_either};
use crate::error::DbError;
use crate::schema::{sessions, user_roles, users};
use crate::transaction::{Expiring, Transaction, affected, delete_batch};

use super::rotation::Rotation;

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    user_id: String,
    key: Vec<u8>,
    generation: i64,
    rotated_at: i64,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    end_reason: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    kind: String,
    client_id: Option<String>,
    parent_id: Option<String>,
    authenticated_at: Option<i64>,
    methods: Option<String>,
    repeats: i64,
    repeated_generation: Option<i64>,
}

impl SessionRow {
    fn kind(&self, location: Location<'_>) -> Result<SessionKind, DbError> {
        let client = location.parsed_optional("client_id", self.client_id.as_deref(), |id| {
            ClientId::parse(id).ok()
        })?;
        let parent = location.parsed_optional("parent_id", self.parent_id.as_deref(), |id| {
            SessionId::parse(id).ok()
        })?;
        location.parsed("kind", SessionKind::from_parts(&self.kind, client, parent))
    }

    /// NULL in rows written before the columns existed, when passwords were the only method.
    fn authentication(&self, location: Location<'_>) -> Result<Authentication, DbError> {
        let methods =
            location.parsed_optional("methods", self.methods.as_deref(), AuthenticationMethods::parse)?;
        Ok(Authentication {
            methods: methods.unwrap_or_else(AuthenticationMethods::password),
            at: instant(self.authenticated_at.unwrap_or(self.created_at)),
        })
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = DbError;

    fn try_from(row: SessionRow) -> Result<Self, DbError> {
        let location = Location {
            table: "sessions",
            row: &row.id,
        };
        let (kind, authentication) = (row.kind(location)?, row.authentication(location)?);
        let ended = match (row.ended_at, row.end_reason) {
            (None, None) => None,
            (Some(at), Some(reason)) => Some(Ended {
                at: instant(at),
                reason: location.parsed("end_reason", EndReason::parse(&reason))?,
            }),
            _ => return location.parsed("ended_at", None),
        };
        Ok(Self {
            id: location.parsed("id", SessionId::parse(&row.id).ok())?,
            user_id: location.parsed("user_id", UserId::parse(&row.user_id).ok())?,
            kind,
            authentication,
            key: SessionKey::from_bytes(location.bytes("key", row.key)?),
            generation: Generation::new(location.counter("generation", row.generation)?),
            repeats: match row.repeated_generation {
                Some(repeated) if repeated == row.generation => location.counter("repeats", row.repeats)?,
                // The count is of an earlier generation.
                _ => 0,
            },
            rotated_at: instant(row.rotated_at),
            created_at: instant(row.created_at),
            last_used_at: instant(row.last_used_at),
            expires_at: instant(row.expires_at),
            ended,
            ip: location.parsed_optional("ip", row.ip, |ip| ip.parse().ok())?,
            user_agent: row.user_agent,
        })
    }
}

fn session_id(id: &String) -> Result<SessionId, DbError> {
    let location = Location {
        table: "sessions",
        row: id,
    };
    location.parsed("id", SessionId::parse(id).ok())
}

fn checked_user_agent(user_agent: Option<&str>) -> Result<Option<&str>, DbError> {
    user_agent
        .map(|text| without_nul("sessions", "user_agent", text))
        .transpose()
}

impl SessionRepository for Transaction<'_> {
    fn insert(&mut self, session: &Session) -> StoreResult<()> {
        self.write(|connection| {
            diesel::insert_into(sessions::table)
                .values((
                    sessions::id.eq(session.id.to_string()),
                    sessions::user_id.eq(session.user_id.to_string()),
                    sessions::key.eq(session.key.expose().as_slice()),
                    sessions::generation.eq(i64::from(session.generation.get())),
                    sessions::rotated_at.eq(session.rotated_at.as_micros()),
                    sessions::created_at.eq(session.created_at.as_micros()),
                    sessions::last_used_at.eq(session.last_used_at.as_micros()),
                    sessions::expires_at.eq(session.expires_at.as_micros()),
                    sessions::ended_at.eq(session.ended.map(|ended| ended.at.as_micros())),
                    sessions::end_reason.eq(session.ended.map(|ended| ended.reason.as_str())),
                    sessions::ip.eq(session.ip.map(|ip| ip.to_string())),
                    sessions::user_agent.eq(checked_user_agent(session.user_agent.as_deref())?),
                    sessions::kind.eq(session.kind.as_str()),
                    sessions::client_id.eq(session.kind.client().map(ClientId::as_str)),
                    sessions::parent_id.eq(session.kind.parent().map(|id| id.to_string())),
                    sessions::authenticated_at.eq(session.authentication.at.as_micros()),
                    sessions::methods.eq(session.authentication.methods.to_string()),
                    sessions::repeats.eq(i64::from(session.repeats)),
                    sessions::repeated_generation.eq(i64::from(session.generation.get())),
                ))
                .execute(connection)?;
            Ok(())
        })
    }

    fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>> {
        self.read(|connection| {
            let row: Option<SessionRow> = sessions::table
                .find(id.to_string())
                .select(SessionRow::as_select())
                .get_result(connection)
                .optional()?;
            row.map(Session::try_from).transpose()
        })
    }

    fn find_with_user(&mut self, id: SessionId) -> StoreResult<Option<(Session, User)>> {
        let clock = self.server_clock();
        self.read_single(|connection| {
            let sessions = sessions::table
                .inner_join(users::table.left_join(user_roles::table))
                .filter(sessions::id.eq(id.to_string()));
            let role = user_roles::role.nullable();
            let rows: Vec<(SessionRow, UserRow, Option<String>)> = match connection {
                AnyConnection::Sqlite(connection) => sessions
                    .select((SessionRow::as_select(), UserRow::as_select(), role))
                    .load(connection)?,
                AnyConnection::Postgres(connection) => {
                    let rows: Vec<(SessionRow, UserRow, Option<String>, PgTimestamp)> = sessions
                        .select((
                            SessionRow::as_select(),
                            UserRow::as_select(),
                            role,
                            clock_timestamp(),
                        ))
                        .load(connection)?;
                    if let Some((.., time)) = rows.first() {
                        clock.observe(*time);
                    }
                    let without_time = |(session, user, role, _)| (session, user, role);
                    rows.into_iter().map(without_time).collect()
                }
            };
            let mut rows = rows.into_iter();
            let Some((session, user, first_role)) = rows.next() else {
                return Ok(None);
            };
            let roles = first_role.into_iter().chain(rows.filter_map(|(.., role)| role));
            Ok(Some((session.try_into()?, user.with_roles(roles)?)))
        })
    }

    fn rotate(
        &mut self,
        id: SessionId,
        from: Generation,
        now: Timestamp,
        ip: Option<IpAddr>,
        user_agent: Option<&str>,
    ) -> StoreResult<bool> {
        let Some(to) = from.next() else { return Ok(false) };
        let not_after = self.bound_without_transaction(MAX_ROTATION);
        self.write_single(|connection| {
            let rotation = Rotation {
                not_after,
                id: id.to_string(),
                from: from.get().into(),
                to: to.get().into(),
                now: now.as_micros(),
                ip: ip.map(|ip| ip.to_string()),
                user_agent: checked_user_agent(user_agent)?,
            };
            affected(on_either!(connection, inner => rotation.execute(inner)))
        })
    }

    fn count_repeat(&mut self, id: SessionId, current: Generation) -> StoreResult<Option<u32>> {
        self.write(|connection| {
            let id = id.to_string();
            let generation = i64::from(current.get());
            let meant = sessions::table
                .find(&id)
                .filter(sessions::generation.eq(generation))
                .filter(sessions::ended_at.is_null());
            let is_counted = sessions::repeated_generation.eq(generation);
            let statement = diesel::update(meant)
                .set((
                    sessions::repeats.eq(case_when(is_counted, sessions::repeats + 1).otherwise(1_i64)),
                    sessions::repeated_generation.eq(generation),
                ))
                .returning(sessions::repeats);
            let count: Option<i64> = on_either!(connection, inner => statement.get_result(inner).optional())?;
            let location = Location {
                table: "sessions",
                row: &id,
            };
            count.map(|count| location.counter("repeats", count)).transpose()
        })
    }

    fn end_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        self.write(|connection| {
            let open = sessions::table
                .filter(sessions::user_id.eq(user.to_string()))
                .filter(sessions::ended_at.is_null())
                // Without an exception, the empty string: no id is equal to it.
                .filter(sessions::id.ne(except.map(|id| id.to_string()).unwrap_or_default()));
            let statement = diesel::update(open)
                .set((
                    sessions::ended_at.eq(now.as_micros()),
                    sessions::end_reason.eq(reason.as_str()),
                ))
                .returning(sessions::id);
            let ended: Vec<String> = on_either!(connection, inner => statement.get_results(inner))?;
            ended.iter().map(session_id).collect()
        })
    }

    fn surplus(&mut self, user: UserId, now: Timestamp, keep: u32) -> StoreResult<Vec<SessionId>> {
        self.read(|connection| {
            // No LIMIT is needed: a user has hardly more sessions than the maximum.
            let ids: Vec<String> = sessions::table
                .filter(sessions::user_id.eq(user.to_string()))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now.as_micros()))
                .order((sessions::last_used_at.desc(), sessions::id.desc()))
                .select(sessions::id)
                .load(connection)?;
            let surplus = ids.iter().skip(usize::try_from(keep).unwrap_or(usize::MAX));
            surplus.map(session_id).collect()
        })
    }

    fn list_unended(&mut self, user: UserId, now: Timestamp, limit: u32) -> StoreResult<Vec<Session>> {
        self.read_single(|connection| {
            let rows: Vec<SessionRow> = sessions::table
                .filter(sessions::user_id.eq(user.to_string()))
                .filter(sessions::ended_at.is_null())
                .filter(sessions::expires_at.gt(now.as_micros()))
                .order((sessions::last_used_at.desc(), sessions::id.desc()))
                .limit(i64::from(limit))
                .select(SessionRow::as_select())
                .load(connection)?;
            rows.into_iter().map(Session::try_from).collect()
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "sessions",
                id: "id",
                column: "expires_at",
            };
            delete_batch::<BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}
