//! Statements written in SQL.

use core::marker::PhantomData;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

/// A statement written in SQL, for what Diesel has no words for or does not cache: it has the database parse and plan its
/// `UPDATE`, its upserts and `diesel::sql_query` at every use, which on PostgreSQL also is a second round trip.
///
/// The prepared form is cached by the text, so a statement MUST have few texts. `S` is the type of the rows.
pub(crate) struct Statement<'a, S = ()> {
    /// Each `?` stands for a value.
    sql: &'a str,
    values: &'a [Value<'a>],
    rows: PhantomData<fn() -> S>,
}

/// A value in a statement.
#[derive(Clone, Copy)]
pub(crate) enum Value<'a> {
    Text(&'a str),
    Number(i64),
    OptionalText(Option<&'a str>),
    Bytes(&'a [u8]),
}

impl<'a, S> Statement<'a, S> {
    pub(crate) const fn new(sql: &'a str, values: &'a [Value<'a>]) -> Self {
        Self {
            sql,
            values,
            rows: PhantomData,
        }
    }
}

impl<S: 'static> QueryId for Statement<'_, S> {
    type QueryId = Statement<'static, S>;

    // Statements of one type differ in their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S> Query for Statement<'_, S> {
    type SqlType = S;
}

impl<DB: Backend, S> QueryFragment<DB> for Statement<'_, S>
where
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
    for<'b> Option<&'b str>: ToSql<Nullable<Text>, DB>,
    [u8]: ToSql<Binary, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut values = self.values.iter();
        for (number, part) in self.sql.split('?').enumerate() {
            if number > 0 {
                match values.next() {
                    Some(Value::Text(value)) => out.push_bind_param::<Text, _>(*value)?,
                    Some(Value::Number(value)) => out.push_bind_param::<BigInt, _>(value)?,
                    Some(Value::OptionalText(value)) => out.push_bind_param::<Nullable<Text>, _>(value)?,
                    Some(Value::Bytes(value)) => out.push_bind_param::<Binary, _>(*value)?,
                    None => {
                        return Err(diesel::result::Error::QueryBuilderError(
                            "a value is missing".into(),
                        ));
                    }
                }
            }
            out.push_sql(part);
        }
        Ok(())
    }
}

impl<C, S> RunQueryDsl<C> for Statement<'_, S> {}
