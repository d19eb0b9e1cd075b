use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// How many entries a page of a list has if nothing else is asked for.
const DEFAULT_PAGE: u32 = 50;
/// The most entries a page has.
const MAX_PAGE: u32 = 100;

/// How many entries a page is to have, of what was asked for.
pub(crate) fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::malformed("`limit` must be from 1 to 100"))
    }
}

/// The parameters of the query, each known and given at most once.
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for StrictQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let parsed = web::Query::<T>::from_query(request.query_string());
        ready(parsed.map(|query| Self(query.into_inner())).map_err(|_detail| {
            Problem::malformed("a parameter of the query is unknown, given twice or cannot be understood")
        }))
    }
}
