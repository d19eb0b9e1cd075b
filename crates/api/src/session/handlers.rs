//! Sessions: opening, refreshing, listing, ending.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use doorward_application::Login;
use doorward_domain::access::{ManageOwnAccount, ManageUsers, ReadUsers};
use doorward_domain::id::SessionId;
use doorward_http::{Request, Require, RequireUser, StrictJson};
use doorward_runtime::Application;

use crate::account::wire::role_names;
use crate::problem::{Code, Problem};
use crate::wire::{rfc3339, user_id};

use super::wire::{Credentials, HeldToken, IdentityBody, SessionsBody, TokenPairBody};

/// Open a session.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = Credentials,
    responses((status = 200, description = "The first tokens of the session.", body = TokenPairBody)),
)]
pub(crate) async fn login(
    app: Data<Application>,
    request: Request,
    StrictJson(credentials): StrictJson<Credentials>,
) -> Result<Json<TokenPairBody>, Problem> {
    let Credentials { email, password } = credentials;
    let pair = app.attempt(&request, Login { email, password }).await?;
    Ok(Json(pair.into()))
}

/// Get the next tokens of a session.
///
/// A refresh can be repeated: the same token brings the same successor for a few seconds, so a lost answer or a second
/// tab logs nobody out. A token that comes back later ends the session.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth", request_body = HeldToken,
    responses((status = 200, description = "The next tokens.", body = TokenPairBody)),
)]
pub(crate) async fn refresh(
    app: Data<Application>,
    request: Request,
    StrictJson(held): StrictJson<HeldToken>,
) -> Result<Json<TokenPairBody>, Problem> {
    let pair = app
        .run(&request, move |use_cases, context| {
            use_cases.refresh().execute(&held.refresh_token, context)
        })
        .await?;
    Ok(Json(pair.into()))
}

/// End a session for good.
///
/// Also answers 204 for a token that is unknown, expired or ended already.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth", request_body = HeldToken,
    responses((status = 204, description = "The session is over.")),
)]
pub(crate) async fn logout(
    app: Data<Application>,
    request: Request,
    StrictJson(held): StrictJson<HeldToken>,
) -> Result<HttpResponse, Problem> {
    app.run(&request, move |use_cases, context| {
        use_cases.logout().execute(&held.refresh_token, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End every session of one's own.
#[utoipa::path(
    post, path = "/v1/auth/logout-all", tag = "auth",
    responses((status = 204, description = "Every session is over.")),
)]
pub(crate) async fn logout_all(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
) -> Result<HttpResponse, Problem> {
    app.run(&request, move |use_cases, context| {
        use_cases.logout_everywhere().execute(&caller, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// See whom the access token speaks for.
///
/// Answered from the token alone.
#[utoipa::path(
    get, path = "/v1/auth/me", tag = "auth",
    responses((status = 200, description = "Whom the token speaks for.", body = IdentityBody)),
)]
pub(crate) async fn me(RequireUser(caller): RequireUser<ManageOwnAccount>) -> Json<IdentityBody> {
    let principal = caller.principal();
    Json(IdentityBody {
        id: caller.user_id().to_string(),
        email: principal.email().map(str::to_owned),
        roles: role_names(principal.roles()),
        session_id: principal.session_id().to_string(),
        expires_at: rfc3339(principal.expires_at()),
    })
}

/// See where one is logged in.
#[utoipa::path(
    get, path = "/v1/account/sessions", operation_id = "list_own_sessions", tag = "account",
    responses((status = 200, description = "The live sessions.", body = SessionsBody)),
)]
pub(crate) async fn list_own_sessions(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
) -> Result<Json<SessionsBody>, Problem> {
    let current = caller.principal().session_id();
    let sessions = app
        .run(&request, move |use_cases, context| {
            use_cases.list_sessions().own(&caller, context.now)
        })
        .await?;
    Ok(Json(SessionsBody::new(
        sessions,
        current,
        &app.policies().session,
    )))
}

/// End every session of one's own but this one.
#[utoipa::path(
    delete, path = "/v1/account/sessions", tag = "account",
    responses((status = 204, description = "The others are over.")),
)]
pub(crate) async fn end_other_sessions(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
) -> Result<HttpResponse, Problem> {
    app.run(&request, move |use_cases, context| {
        use_cases.end_other_sessions().execute(&caller, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one session of one's own.
#[utoipa::path(
    delete, path = "/v1/account/sessions/{id}", tag = "account", params(("id" = String, Path, description = "The session.")),
    responses((status = 204, description = "The session is over.")),
)]
pub(crate) async fn end_session(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let session = SessionId::parse(&id).map_err(|_no_such_id| Problem::new(Code::NotFound))?;
    app.run(&request, move |use_cases, context| {
        use_cases.end_session().execute(&caller, session, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// See where a user is logged in.
#[utoipa::path(
    get, path = "/v1/users/{id}/sessions", operation_id = "list_user_sessions", tag = "users", params(("id" = String, Path, description = "The user.")),
    responses((status = 200, description = "The live sessions.", body = SessionsBody)),
)]
pub(crate) async fn list_user_sessions(
    Require(admin): Require<ReadUsers>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
) -> Result<Json<SessionsBody>, Problem> {
    let id = user_id(&id)?;
    let current = admin.principal().session_id();
    let sessions = app
        .run(&request, move |use_cases, context| {
            use_cases.list_sessions().of_user(&admin, id, context.now)
        })
        .await?;
    Ok(Json(SessionsBody::new(
        sessions,
        current,
        &app.policies().session,
    )))
}

/// End every session of a user.
#[utoipa::path(
    delete, path = "/v1/users/{id}/sessions", operation_id = "end_user_sessions", tag = "users", params(("id" = String, Path, description = "The user.")),
    responses((status = 204, description = "Every session is over.")),
)]
pub(crate) async fn end_user_sessions(
    Require(admin): Require<ManageUsers>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.run(&request, move |use_cases, context| {
        use_cases.end_user_sessions().execute(&admin, id, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
