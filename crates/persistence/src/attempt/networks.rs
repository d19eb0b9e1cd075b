use diesel::prelude::*;

use doorward_domain::identity::AttemptKey;
use doorward_domain::ports::{NetworkRepository, StoreResult};
use doorward_domain::time::Timestamp;

use crate::column::{Place, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::Failure;
use crate::schema::known_networks;
use crate::transaction::Work;

/// The keys of an account's networks, the latest login first: there are only a few of them.
fn list(connection: &mut AnyConnection, account: &AttemptKey) -> Result<Vec<Vec<u8>>, Failure> {
    Ok(known_networks::table
        .filter(known_networks::account_key.eq(account.as_bytes().as_slice()))
        .order((known_networks::last_at.desc(), known_networks::key.desc()))
        .select(known_networks::key)
        .load(connection)?)
}

impl NetworkRepository for Work<'_> {
    fn last_login(&mut self, network: &AttemptKey) -> StoreResult<Option<Timestamp>> {
        self.read(|connection| {
            let last: Option<i64> = known_networks::table
                .find(network.as_bytes().as_slice())
                .select(known_networks::last_at)
                .get_result(connection)
                .optional()?;
            Ok(last.map(instant))
        })
    }

    fn note(&mut self, network: &AttemptKey, account: &AttemptKey, now: Timestamp) -> StoreResult<()> {
        self.write(|connection| {
            let noted = (
                known_networks::account_key.eq(account.as_bytes().as_slice()),
                known_networks::last_at.eq(now.as_micros()),
            );
            let statement = diesel::insert_into(known_networks::table)
                .values((known_networks::key.eq(network.as_bytes().as_slice()), noted))
                .on_conflict(known_networks::key)
                .do_update()
                .set(noted);
            on_either!(connection, inner => statement.execute(inner))?;
            Ok(())
        })
    }

    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>> {
        self.read(|connection| {
            let place = Place {
                table: "known_networks",
                row: "of an account",
            };
            let keys = list(connection, account)?.into_iter();
            keys.map(|key| place.bytes("key", key).map(AttemptKey::from_bytes))
                .collect()
        })
    }

    fn keep(&mut self, account: &AttemptKey, keep: u32) -> StoreResult<()> {
        self.write(|connection| {
            let keep = usize::try_from(keep).unwrap_or(usize::MAX);
            for surplus in list(connection, account)?.into_iter().skip(keep) {
                diesel::delete(known_networks::table.find(surplus)).execute(connection)?;
            }
            Ok(())
        })
    }
}
