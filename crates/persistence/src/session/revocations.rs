use diesel::prelude::*;
use diesel::sql_types::BigInt;

use doorward_domain::id::SessionId;
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::{Subject, SubjectVersion};
use doorward_domain::time::Timestamp;
use doorward_domain::token::RevocationLog;
use doorward_domain::token::{Revocation, Revoked};

use crate::column::{Location, instant};
use crate::error::DbError;
use crate::locks;
use crate::schema::revocations;
use crate::transaction::{Expiring, Transaction, delete_batch};

#[derive(Queryable, Selectable)]
#[diesel(table_name = revocations)]
struct RevocationRow {
    number: i64,
    at: i64,
    session_id: Option<String>,
    user_id: Option<String>,
    lowest_version: Option<i64>,
}

impl TryFrom<RevocationRow> for Revocation {
    type Error = DbError;

    fn try_from(row: RevocationRow) -> Result<Self, DbError> {
        let number = row.number.to_string();
        let location = Location {
            table: "revocations",
            row: &number,
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
            number: location.parsed("number", u64::try_from(row.number).ok())?,
            at: instant(row.at),
            revoked,
        })
    }
}

impl RevocationLog for Transaction<'_> {
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()> {
        self.write(|connection| {
            locks::revocations(connection)?;
            for revoked in revoked {
                let (session, user, version) = match revoked {
                    Revoked::Session(id) => (Some(id.to_string()), None, None),
                    Revoked::Subject {
                        subject,
                        lowest_version,
                    } => {
                        // Despite its name, the column also identifies services; it is older than they are.
                        (
                            None,
                            Some(subject.to_string()),
                            Some(i64::from(lowest_version.get())),
                        )
                    }
                };
                diesel::insert_into(revocations::table)
                    .values((
                        revocations::at.eq(now.as_micros()),
                        revocations::session_id.eq(session),
                        revocations::user_id.eq(user),
                        revocations::lowest_version.eq(version),
                    ))
                    .execute(connection)?;
            }
            Ok(())
        })
    }

    fn after(&mut self, number: u64, limit: u32) -> StoreResult<Vec<Revocation>> {
        self.read(|connection| {
            let rows: Vec<RevocationRow> = revocations::table
                .filter(revocations::number.gt(i64::try_from(number).unwrap_or(i64::MAX)))
                .order(revocations::number)
                .limit(i64::from(limit))
                .select(RevocationRow::as_select())
                .load(connection)?;
            rows.into_iter().map(Revocation::try_from).collect()
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
