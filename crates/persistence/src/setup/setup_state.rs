use diesel::prelude::*;

use doorward_domain::setup::{SetupRepository, SetupState};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::column::{Location, instant};
use crate::schema::setup;
use crate::transaction::{Transaction, affected};

/// The id of the only row. The migration inserts it, so that a conditional update succeeds for exactly one of all calls.
const ROW: i32 = 1;

impl SetupRepository for Transaction<'_> {
    fn state(&mut self) -> StoreResult<SetupState> {
        self.read(|connection| {
            let row: Option<(Option<Vec<u8>>, bool, Option<i64>)> = setup::table
                .find(ROW)
                .select((setup::token_digest, setup::token_configured, setup::completed_at))
                .get_result(connection)
                .optional()?;
            let location = Location {
                table: "setup",
                row: "row 1",
            };
            let (token_digest, token_is_configured, completed_at) = location.parsed("id", row)?;
            Ok(SetupState {
                token_digest: token_digest
                    .map(|digest| location.bytes("token_digest", digest))
                    .transpose()?,
                token_is_configured,
                completed_at: completed_at.map(instant),
            })
        })
    }

    fn offer_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool> {
        self.write(|connection| {
            let untouched = setup::table
                .find(ROW)
                .filter(setup::token_digest.is_null())
                .filter(setup::completed_at.is_null());
            affected(
                diesel::update(untouched)
                    .set(setup::token_digest.eq(digest.as_slice()))
                    .execute(connection),
            )
        })
    }

    fn replace_token(&mut self, digest: &[u8; 32], is_configured: bool) -> StoreResult<bool> {
        self.write(|connection| {
            let open = setup::table.find(ROW).filter(setup::completed_at.is_null());
            let token = (
                setup::token_digest.eq(digest.as_slice()),
                setup::token_configured.eq(is_configured),
            );
            affected(diesel::update(open).set(token).execute(connection))
        })
    }

    fn withdraw_configured_token(&mut self) -> StoreResult<bool> {
        self.write(|connection| {
            let configured = setup::table
                .find(ROW)
                .filter(setup::token_configured.eq(true))
                .filter(setup::completed_at.is_null());
            let none = (
                setup::token_digest.eq(None::<Vec<u8>>),
                setup::token_configured.eq(false),
            );
            affected(diesel::update(configured).set(none).execute(connection))
        })
    }

    fn complete(&mut self, now: Timestamp) -> StoreResult<bool> {
        self.write(|connection| {
            let open = setup::table.find(ROW).filter(setup::completed_at.is_null());
            let closed = (
                setup::completed_at.eq(now.as_micros()),
                setup::token_digest.eq(None::<Vec<u8>>),
                setup::token_configured.eq(false),
            );
            affected(diesel::update(open).set(closed).execute(connection))
        })
    }
}
