use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;

use crate::error::Rejection;

/// Query parameters. Rejects unknown and duplicate ones, if `T` does.
pub struct StrictQuery<T>(pub T);

impl<T: DeserializeOwned> FromRequest for StrictQuery<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let parsed = web::Query::<T>::from_query(request.query_string());
        ready(
            parsed.map(|query| Self(query.into_inner())).map_err(|_detail| {
                Rejection::malformed("a query parameter is unknown, duplicated or invalid")
            }),
        )
    }
}
