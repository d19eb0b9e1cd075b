use diesel::prelude::*;

use doorward_domain::ports::{SetupRepository, SetupState, StoreResult};
use doorward_domain::time::Timestamp;

use crate::column::{Place, instant};
use crate::schema::setup;
use crate::transaction::{Work, hit};

/// The id of the one row. The migration makes it, so that "exactly one of all calls" is what one conditional update does.
const ROW: i32 = 1;

impl SetupRepository for Work<'_> {
    fn state(&mut self) -> StoreResult<SetupState> {
        self.read(|connection| {
            let row: Option<(Option<Vec<u8>>, Option<i64>)> = setup::table
                .find(ROW)
                .select((setup::token_digest, setup::completed_at))
                .get_result(connection)
                .optional()?;
            let place = Place {
                table: "setup",
                row: "row 1",
            };
            let (token_digest, completed_at) = place.parsed("id", row)?;
            Ok(SetupState {
                token_digest: token_digest
                    .map(|digest| place.bytes("token_digest", digest))
                    .transpose()?,
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
            hit(diesel::update(untouched)
                .set(setup::token_digest.eq(digest.as_slice()))
                .execute(connection))
        })
    }

    fn replace_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool> {
        self.write(|connection| {
            let open = setup::table.find(ROW).filter(setup::completed_at.is_null());
            hit(diesel::update(open)
                .set(setup::token_digest.eq(digest.as_slice()))
                .execute(connection))
        })
    }

    fn complete(&mut self, now: Timestamp) -> StoreResult<bool> {
        self.write(|connection| {
            let open = setup::table.find(ROW).filter(setup::completed_at.is_null());
            let closed = (
                setup::completed_at.eq(now.as_micros()),
                setup::token_digest.eq(None::<Vec<u8>>),
            );
            hit(diesel::update(open).set(closed).execute(connection))
        })
    }
}
