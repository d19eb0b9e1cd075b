use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use doorward_runtime::RequestOrigin;

use crate::error::{Rejection, RejectionKind};

/// The origin of the request, an argument of handlers. The outermost middleware creates it.
#[derive(Debug, Clone)]
pub struct Request(pub(crate) RequestOrigin);

impl Deref for Request {
    type Target = RequestOrigin;

    fn deref(&self) -> &RequestOrigin {
        &self.0
    }
}

impl FromRequest for Request {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        // Every request passes the middleware that inserts it.
        ready(
            request
                .extensions()
                .get::<Self>()
                .cloned()
                .ok_or_else(|| Rejection::new(RejectionKind::Internal)),
        )
    }
}
