//! Guards: handler arguments that prove a permission.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use doorward_application::AuthenticateError;
use doorward_domain::access::{Forbidden, Granted, GrantedOn, GrantedUser, Permission, Principal};
use doorward_domain::id::UserId;
use doorward_runtime::Application;
use futures_util::future::{Either, LocalBoxFuture};

use crate::error::{Rejection, RejectionKind};

use super::bearer::bearer_token;

/// The proof that the caller holds the permission `P`.
///
/// It MUST be the first argument of a handler: extractors run in order, and a caller without the permission must not
/// learn what else is wrong with the request.
pub struct Require<P>(pub Granted<P>);

/// The proof that the caller is a user, not a service, and holds the permission `P`.
pub struct RequireUser<P>(pub GrantedUser<P>);

/// The proof that the caller holds the permission `P` on the user in the path (`{id}`).
pub struct RequireOn<P>(pub GrantedOn<P>);

impl<P: Permission> FromRequest for Require<P> {
    type Error = Rejection;
    type Future = Guarding<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        guard(request, |principal| principal.authorize().map(Self))
    }
}

impl<P: Permission> FromRequest for RequireUser<P> {
    type Error = Rejection;
    type Future = Guarding<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        guard(request, |principal| principal.authorize_user().map(Self))
    }
}

impl<P: Permission> FromRequest for RequireOn<P> {
    type Error = Rejection;
    type Future = Guarding<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let owner = request
            .match_info()
            .get("id")
            .and_then(|id| UserId::parse(id).ok());
        guard(request, move |principal| principal.authorize_on(owner).map(Self))
    }
}

/// Completes immediately, except when the revocation cache is stale.
type Guarding<T> = Either<Ready<Result<T, Rejection>>, LocalBoxFuture<'static, Result<T, Rejection>>>;

/// Authenticates the access token and calls `authorize` with its principal. Uses memory only.
fn guard<T: 'static>(
    request: &HttpRequest,
    authorize: impl FnOnce(Principal) -> Result<T, Forbidden> + 'static,
) -> Guarding<T> {
    let (app, token) = match app_and_token(request) {
        Ok(found) => found,
        Err(rejection) => return Either::Left(ready(Err(rejection))),
    };
    match app.authenticate().execute(token, app.now()) {
        Err(AuthenticateError::RevocationsUnknown) => {
            let (app, token) = (Arc::clone(app), token.to_owned());
            Either::Right(Box::pin(async move {
                app.revocations().caught_up().await;
                Ok(authorize(app.authenticate().execute(&token, app.now())?)?)
            }))
        }
        outcome => Either::Left(ready(
            outcome
                .map_err(Rejection::from)
                .and_then(|principal| Ok(authorize(principal)?)),
        )),
    }
}

fn app_and_token(request: &HttpRequest) -> Result<(&Arc<Application>, &str), Rejection> {
    let app = request
        .app_data::<web::Data<Application>>()
        .ok_or_else(|| Rejection::new(RejectionKind::Internal))?;
    Ok((app, bearer_token(request.headers())?))
}
