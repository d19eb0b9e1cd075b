use diesel::prelude::*;

use doorward_domain::password::{PepperId, PepperRepository};
use doorward_domain::store_error::StoreResult;

use crate::column::Location;
use crate::schema::password_pepper;
use crate::transaction::Transaction;

/// The id of the only row, which the migration inserts.
const ROW: i32 = 1;

impl PepperRepository for Transaction<'_> {
    fn pepper(&mut self) -> StoreResult<Option<PepperId>> {
        self.read(|connection| {
            let row: Option<Option<Vec<u8>>> = password_pepper::table
                .find(ROW)
                .select(password_pepper::pepper_id)
                .get_result(connection)
                .optional()?;
            let location = Location {
                table: "password_pepper",
                row: "row 1",
            };
            let id = location.parsed("id", row)?;
            Ok(id
                .map(|bytes| location.bytes("pepper_id", bytes))
                .transpose()?
                .map(PepperId::from_bytes))
        })
    }

    fn record_pepper(&mut self, id: Option<PepperId>) -> StoreResult<()> {
        self.write(|connection| {
            let bytes = id.map(|id| id.as_bytes().to_vec());
            diesel::update(password_pepper::table.find(ROW))
                .set(password_pepper::pepper_id.eq(bytes))
                .execute(connection)?;
            Ok(())
        })
    }
}
