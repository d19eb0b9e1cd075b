use diesel::prelude::*;

use doorward_domain::id::{SessionId, UserId};
use doorward_domain::identity::UserVersion;
use doorward_domain::ports::{RevocationLog, StoreResult};
use doorward_domain::time::Timestamp;
use doorward_domain::token::{Revocation, Revoked};

use crate::column::{Place, instant};
use crate::error::Failure;
use crate::locks;
use crate::schema::revocations;
use crate::transaction::Work;

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
    type Error = Failure;

    fn try_from(row: RevocationRow) -> Result<Self, Failure> {
        let number = row.number.to_string();
        let place = Place {
            table: "revocations",
            row: &number,
        };
        let revoked = match (row.session_id, row.user_id, row.lowest_version) {
            (Some(id), None, None) => {
                Revoked::Session(place.parsed("session_id", SessionId::parse(&id).ok())?)
            }
            (None, Some(id), Some(version)) => Revoked::User {
                id: place.parsed("user_id", UserId::parse(&id).ok())?,
                lowest_version: UserVersion::new(place.counter("lowest_version", version)?),
            },
            _ => return place.parsed("session_id", None),
        };
        Ok(Self {
            number: place.parsed("number", u64::try_from(row.number).ok())?,
            at: instant(row.at),
            revoked,
        })
    }
}

impl RevocationLog for Work<'_> {
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()> {
        self.write(|connection| {
            locks::revocations(connection)?;
            for revoked in revoked {
                let (session, user, version) = match revoked {
                    Revoked::Session(id) => (Some(id.to_string()), None, None),
                    Revoked::User { id, lowest_version } => {
                        (None, Some(id.to_string()), Some(i64::from(lowest_version.get())))
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
}
