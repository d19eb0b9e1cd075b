use diesel::prelude::*;
use diesel::sql_types::BigInt;

use doorward_domain::attempt::AttemptKey;
use doorward_domain::attempt::NetworkRepository;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant};
use crate::connection::{AnyConnection, on_either};
use crate::error::DbError;
use crate::schema::known_networks;
use crate::transaction::{Expiring, Transaction, delete_batch};

/// The keys of an account's networks, the latest login first. There are only a few per account.
fn list(connection: &mut AnyConnection, account: &AttemptKey) -> Result<Vec<Vec<u8>>, DbError> {
    Ok(known_networks::table
        .filter(known_networks::account_key.eq(account.as_bytes().as_slice()))
        .order((known_networks::last_at.desc(), known_networks::key.desc()))
        .select(known_networks::key)
        .load(connection)?)
}

impl NetworkRepository for Transaction<'_> {
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
            let values = (
                known_networks::account_key.eq(account.as_bytes().as_slice()),
                known_networks::last_at.eq(now.as_micros()),
            );
            let statement = diesel::insert_into(known_networks::table)
                .values((known_networks::key.eq(network.as_bytes().as_slice()), values))
                .on_conflict(known_networks::key)
                .do_update()
                .set(values);
            on_either!(connection, inner => statement.execute(inner))?;
            Ok(())
        })
    }

    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>> {
        self.read(|connection| {
            let location = Location {
                table: "known_networks",
                row: "of an account",
            };
            let keys = list(connection, account)?.into_iter();
            keys.map(|key| location.bytes("key", key).map(AttemptKey::from_bytes))
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

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        self.write(|connection| {
            let rows = Expiring {
                table: "known_networks",
                id: "key",
                column: "last_at",
            };
            delete_batch::<BigInt, _>(connection, &rows, before.as_micros(), limit)
        })
    }
}
