use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use doorward_domain::id::{MailId, UserId};
use doorward_domain::job::DedupeKey;
use doorward_domain::mail::{
    Delivery, DeliveryState, Locale, Mail, MailFailure, MailKind, NewMail, Outbox, OutboxEntry, OutboxLine,
    OutboxStatus, Recipient,
};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant, without_nul};
use crate::connection::on_either;
use crate::error::DbError;
use crate::schema::outbox;
use crate::transaction::{Expiring, Transaction, affected, delete_batch};

use super::content;

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct LineRow {
    id: String,
    kind: String,
    recipient: String,
    state: String,
    attempt: i64,
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
    last_failure: Option<String>,
}

/// The columns that only delivery needs.
#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct ContentRow {
    user_id: String,
    locale: String,
    params: String,
}

impl TryFrom<LineRow> for OutboxLine {
    type Error = DbError;

    fn try_from(row: LineRow) -> Result<Self, DbError> {
        let location = Location {
            table: "outbox",
            row: &row.id,
        };
        let state = DeliveryState::parse(&row.state, row.ended_at.map(instant));
        Ok(Self {
            id: location.parsed("id", MailId::parse(&row.id).ok())?,
            recipient: location.parsed("recipient", Recipient::parse(&row.recipient))?,
            created_at: instant(row.created_at),
            delivery: Delivery {
                state: location.parsed("state", state)?,
                attempt: location.counter("attempt", row.attempt)?,
                expires_at: instant(row.expires_at),
            },
            kind: row.kind,
            last_failure: row.last_failure,
        })
    }
}

fn entry(line: LineRow, row: &ContentRow) -> Result<OutboxEntry, DbError> {
    let OutboxLine {
        id,
        kind,
        recipient,
        created_at,
        delivery,
        last_failure,
    } = line.try_into()?;
    let text = id.to_string();
    let location = Location {
        table: "outbox",
        row: &text,
    };
    Ok(OutboxEntry {
        mail: Mail {
            id,
            recipient,
            locale: location.parsed("locale", Locale::parse(&row.locale).ok())?,
            content: location.parsed("params", content::parse(&kind, &row.params))?,
            created_at,
        },
        user_id: location.parsed("user_id", UserId::parse(&row.user_id).ok())?,
        delivery,
        last_failure,
    })
}

impl Outbox for Transaction<'_> {
    fn enqueue(&mut self, new: &NewMail) -> StoreResult<bool> {
        self.write(|connection| {
            let mail = &new.mail;
            let values = (
                outbox::id.eq(mail.id.to_string()),
                outbox::kind.eq(mail.content.kind().as_str()),
                outbox::user_id.eq(new.user_id.to_string()),
                outbox::recipient.eq(mail.recipient.to_string()),
                outbox::locale.eq(mail.locale.as_str()),
                outbox::params.eq(content::params(&mail.content)),
                outbox::dedupe_key.eq(DedupeKey::as_str(&new.dedupe_key)),
                outbox::state.eq(DeliveryState::Queued.as_str()),
                outbox::attempt.eq(0),
                outbox::created_at.eq(mail.created_at.as_micros()),
                outbox::expires_at.eq(new.expires_at.as_micros()),
            );
            let statement = diesel::insert_into(outbox::table)
                .values(values)
                .on_conflict(outbox::dedupe_key)
                .do_nothing();
            // Waits for a concurrent transaction that has queued a mail with the same key.
            affected(on_either!(connection, inner => statement.execute(inner)))
        })
    }

    fn find(&mut self, id: MailId) -> StoreResult<Option<OutboxEntry>> {
        self.read(|connection| {
            let row: Option<(LineRow, ContentRow)> = outbox::table
                .find(id.to_string())
                .select((LineRow::as_select(), ContentRow::as_select()))
                .get_result(connection)
                .optional()?;
            row.map(|(line, row)| entry(line, &row)).transpose()
        })
    }

    fn settle(
        &mut self,
        id: MailId,
        from: &Delivery,
        to: &Delivery,
        failure: Option<&MailFailure>,
    ) -> StoreResult<bool> {
        self.write(|connection| {
            let row = outbox::table
                .find(id.to_string())
                .filter(outbox::state.eq(from.state.as_str()))
                .filter(outbox::attempt.eq(i64::from(from.attempt)));
            let values = (
                outbox::state.eq(to.state.as_str()),
                outbox::attempt.eq(i64::from(to.attempt)),
                outbox::ended_at.eq(to.state.ended_at().map(Timestamp::as_micros)),
            );
            match failure.map(ToString::to_string) {
                None => affected(diesel::update(row).set(values).execute(connection)),
                Some(failure) => {
                    let failure = without_nul("outbox", "last_failure", &failure)?;
                    let values = (values, outbox::last_failure.eq(failure));
                    affected(diesel::update(row).set(values).execute(connection))
                }
            }
        })
    }

    fn count_since(&mut self, user: UserId, kinds: &[MailKind], after: Timestamp) -> StoreResult<u64> {
        self.read(|connection| {
            let found: Vec<String> = outbox::table
                .filter(outbox::user_id.eq(user.to_string()))
                .filter(outbox::created_at.gt(after.as_micros()))
                .select(outbox::kind)
                .load(connection)?;
            let is_counted = |kind: &&String| kinds.iter().any(|counted| counted.as_str() == kind.as_str());
            Ok(u64::try_from(found.iter().filter(is_counted).count()).unwrap_or(u64::MAX))
        })
    }

    fn status(&mut self) -> StoreResult<OutboxStatus> {
        self.read(|connection| {
            // A statement for each state, so that those that were sent are not read.
            let mut in_state = |state: DeliveryState| {
                outbox::table
                    .filter(outbox::state.eq(state.as_str()))
                    .select((count_star(), min(outbox::created_at)))
                    .get_result::<(i64, Option<i64>)>(connection)
            };
            let (queued, oldest_queued) = in_state(DeliveryState::Queued)?;
            let (leased, oldest_leased) = in_state(DeliveryState::Leased)?;
            // The time is no part of the word.
            let (dead, _) = in_state(DeliveryState::Dead(instant(0)))?;
            let number = |count| u64::try_from(count).unwrap_or(0);
            Ok(OutboxStatus {
                queued: number(queued) + number(leased),
                dead: number(dead),
                oldest: oldest_queued.into_iter().chain(oldest_leased).min().map(instant),
            })
        })
    }

    fn latest(&mut self, limit: u32) -> StoreResult<Vec<OutboxLine>> {
        self.read(|connection| {
            let rows: Vec<LineRow> = outbox::table
                .select(LineRow::as_select())
                .order(outbox::id.desc())
                .limit(i64::from(limit))
                .load(connection)?;
            rows.into_iter().map(OutboxLine::try_from).collect()
        })
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "outbox",
                id: "id",
                column: "expires_at",
            };
            delete_batch::<diesel::sql_types::BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}
