use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use doorward_domain::attempt::AttemptKey;
use doorward_domain::attempt::NetworkRepository;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::Location;
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
    fn note(&mut self, logins: &[(AttemptKey, Timestamp)], account: &AttemptKey) -> StoreResult<()> {
        if logins.is_empty() {
            return Ok(());
        }
        self.write(|connection| {
            // In SQL, because Diesel inserts several rows one by one on SQLite.
            let rows: Vec<String> = (0..logins.len())
                .map(|row| format!("($1, ${}, ${})", 2 * row + 2, 2 * row + 3))
                .collect();
            let sql = format!(
                "INSERT INTO known_networks (account_key, key, last_at) VALUES {} \
                 ON CONFLICT (key) DO UPDATE SET account_key = excluded.account_key, last_at = excluded.last_at",
                rows.join(", ")
            );
            on_either!(connection, inner => {
                let mut statement = diesel::sql_query(sql).into_boxed();
                statement = statement.bind::<Binary, _>(account.as_bytes().as_slice());
                for (network, at) in logins {
                    statement = statement
                        .bind::<Binary, _>(network.as_bytes().as_slice())
                        .bind::<BigInt, _>(at.as_micros());
                }
                statement.execute(inner)
            })?;
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
