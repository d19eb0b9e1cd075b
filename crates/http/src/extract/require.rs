//! The guard: an argument that a handler cannot have without the permission.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use doorward_application::AuthenticateError;
use doorward_domain::access::{Forbidden, Granted, GrantedOn, Permission, Principal};
use doorward_domain::id::UserId;
use futures_util::future::{Either, LocalBoxFuture};

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

impl<P: Permission> FromRequest for Require<P> {
    type Error = Problem;
    type Future = Guarding<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        guard(request, |principal| principal.authorize().map(Self))
    }
}

impl<P: Permission> FromRequest for RequireOn<P> {
    type Error = Problem;
    type Future = Guarding<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let owner = request
            .match_info()
            .get("id")
            .and_then(|id| UserId::parse(id).ok());
        guard(request, move |principal| principal.authorize_on(owner).map(Self))
    }
}

/// An answer at once, but for the rare one that waits for the revocations of late.
type Guarding<T> = Either<Ready<Result<T, Problem>>, LocalBoxFuture<'static, Result<T, Problem>>>;

/// What `authorize` grants whoever the access token of the request speaks for. Answered from memory.
fn guard<T: 'static>(
    request: &HttpRequest,
    authorize: impl FnOnce(Principal) -> Result<T, Forbidden> + 'static,
) -> Guarding<T> {
    let (app, token) = match app_and_token(request) {
        Ok(found) => found,
        Err(problem) => return Either::Left(ready(Err(problem))),
    };
    match app.authenticate().execute(token, app.now()) {
        Err(AuthenticateError::RevocationsUnknown) => {
            let (app, token) = (Arc::clone(app), token.to_owned());
            Either::Right(Box::pin(async move {
                app.revocations.caught_up().await;
                Ok(authorize(app.authenticate().execute(&token, app.now())?)?)
            }))
        }
        outcome => Either::Left(ready(
            outcome
                .map_err(Problem::from)
                .and_then(|principal| Ok(authorize(principal)?)),
        )),
    }
}

fn app_and_token(request: &HttpRequest) -> Result<(&Arc<App>, &str), Problem> {
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Problem::new(Code::Internal))?;
    Ok((app, bearer_token(request.headers())?))
}
