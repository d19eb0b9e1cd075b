//! The guard: an argument that a handler cannot have without the permission.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use doorward_domain::access::{Granted, GrantedOn, Permission, Principal};
use doorward_domain::id::UserId;

use crate::app::App;
use crate::problem::{Code, Problem};

use super::bearer::bearer_token;

/// The proof that whoever sent the request holds the permission `P`.
///
/// It MUST be the first argument of a handler: extractors are asked in order, and who may not do something is not told
/// what else is wrong with the request.
pub(crate) struct Require<P>(pub(crate) Granted<P>);

/// The proof that whoever sent the request holds the permission `P` on what belongs to the user in the path (`{id}`).
pub(crate) struct RequireOn<P>(pub(crate) GrantedOn<P>);

/// Whoever the access token of the request speaks for. Answered from memory.
fn authenticate(request: &HttpRequest) -> Result<Principal, Problem> {
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Problem::new(Code::Internal))?;
    let app: &Arc<App> = app;
    let token = bearer_token(request.headers())?;
    Ok(app.authenticate().execute(token, app.now())?)
}

impl<P: Permission> FromRequest for Require<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(authenticate(request).and_then(|principal| Ok(Self(principal.authorize()?))))
    }
}

impl<P: Permission> FromRequest for RequireOn<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let owner = request
            .match_info()
            .get("id")
            .and_then(|id| UserId::parse(id).ok());
        ready(authenticate(request).and_then(|principal| Ok(Self(principal.authorize_on(owner)?))))
    }
}
