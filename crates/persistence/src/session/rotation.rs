//! The statement that rotates a refresh token.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Nullable, Text};

/// Moves a session to its next generation if it is still in the previous one and has not ended.
///
/// Written in SQL because Diesel does not cache the prepared form of the `UPDATE` statements that it builds: the database
/// would parse and plan this one at every refresh.
pub(super) struct Rotation<'a> {
    pub(super) id: String,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Microseconds since 1970.
    pub(super) now: i64,
    pub(super) ip: Option<String>,
    pub(super) user_agent: Option<&'a str>,
    /// Until when it may take effect, in microseconds since 2000 by the clock of the server. PostgreSQL only.
    pub(super) not_after: Option<i64>,
}

impl QueryId for Rotation<'_> {
    type QueryId = Rotation<'static>;

    // The statement has one of two texts.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend> QueryFragment<DB> for Rotation<'_>
where
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
    Option<String>: ToSql<Nullable<Text>, DB>,
    for<'b> Option<&'b str>: ToSql<Nullable<Text>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("UPDATE sessions SET generation = ");
        out.push_bind_param::<BigInt, _>(&self.to)?;
        out.push_sql(", rotated_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", last_used_at = ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(", ip = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.ip)?;
        out.push_sql(", user_agent = ");
        out.push_bind_param::<Nullable<Text>, _>(&self.user_agent)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Text, _>(&self.id)?;
        out.push_sql(" AND generation = ");
        out.push_bind_param::<BigInt, _>(&self.from)?;
        out.push_sql(" AND ended_at IS NULL");
        if let Some(not_after) = &self.not_after {
            out.push_sql(
                " AND clock_timestamp() <= timestamptz '2000-01-01 00:00Z' + interval '1 microsecond' * ",
            );
            out.push_bind_param::<BigInt, _>(not_after)?;
        }
        Ok(())
    }
}

impl<C> RunQueryDsl<C> for Rotation<'_> {}
