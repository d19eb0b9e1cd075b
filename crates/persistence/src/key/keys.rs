use diesel::prelude::*;

use doorward_domain::key::KeyRepository;
use doorward_domain::key::{KeyId, KeyPurpose, SealedKey};
use doorward_domain::store_error::StoreResult;

use crate::column::{Location, instant, without_nul};
use crate::connection::on_either;
use crate::error::DbError;
use crate::schema::keys;
use crate::transaction::{Transaction, affected};

#[derive(Queryable, Selectable)]
#[diesel(table_name = keys)]
struct KeyRow {
    id: String,
    purpose: String,
    ordinal: i64,
    algorithm: String,
    public: Vec<u8>,
    sealed: Vec<u8>,
    created_at: i64,
}

impl TryFrom<KeyRow> for SealedKey {
    type Error = DbError;

    fn try_from(row: KeyRow) -> Result<Self, DbError> {
        let location = Location {
            table: "keys",
            row: &row.id,
        };
        Ok(Self {
            purpose: location.parsed("purpose", KeyPurpose::parse(&row.purpose))?,
            ordinal: location.counter("ordinal", row.ordinal)?,
            id: KeyId::new(row.id),
            algorithm: row.algorithm,
            public: row.public,
            sealed: row.sealed,
            created_at: instant(row.created_at),
        })
    }
}

impl KeyRepository for Transaction<'_> {
    fn list(&mut self, purpose: KeyPurpose) -> StoreResult<Vec<SealedKey>> {
        self.read(|connection| {
            let rows: Vec<KeyRow> = keys::table
                .filter(keys::purpose.eq(purpose.as_str()))
                .order(keys::ordinal)
                .select(KeyRow::as_select())
                .load(connection)?;
            rows.into_iter().map(SealedKey::try_from).collect()
        })
    }

    fn insert(&mut self, key: &SealedKey) -> StoreResult<bool> {
        self.write(|connection| {
            let values = (
                keys::purpose.eq(key.purpose.as_str()),
                keys::ordinal.eq(i64::from(key.ordinal)),
                keys::id.eq(without_nul("keys", "id", key.id.as_str())?),
                keys::algorithm.eq(without_nul("keys", "algorithm", &key.algorithm)?),
                keys::public.eq(&key.public),
                keys::sealed.eq(&key.sealed),
                keys::created_at.eq(key.created_at.as_micros()),
            );
            let statement = diesel::insert_into(keys::table)
                .values(values)
                .on_conflict((keys::purpose, keys::ordinal))
                .do_nothing();
            affected(on_either!(connection, inner => statement.execute(inner)))
        })
    }

    fn reseal(&mut self, key: &SealedKey) -> StoreResult<bool> {
        self.write(|connection| {
            let same_key = keys::table
                .filter(keys::purpose.eq(key.purpose.as_str()))
                .filter(keys::ordinal.eq(i64::from(key.ordinal)))
                .filter(keys::id.eq(key.id.as_str()));
            affected(
                diesel::update(same_key)
                    .set(keys::sealed.eq(&key.sealed))
                    .execute(connection),
            )
        })
    }

    fn delete(&mut self, purpose: KeyPurpose, ordinal: u32) -> StoreResult<bool> {
        self.write(|connection| {
            let key = keys::table
                .filter(keys::purpose.eq(purpose.as_str()))
                .filter(keys::ordinal.eq(i64::from(ordinal)));
            affected(diesel::delete(key).execute(connection))
        })
    }
}
