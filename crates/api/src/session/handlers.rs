//! Login, refresh, logout, and the lists of sessions.

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

use super::wire::{HeldToken, IdentityBody, LoginBody, SessionsBody, TokenPairBody};

/// Log in
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = LoginBody,
    responses((status = 200, description = "The tokens of the new session.", body = TokenPairBody)),
)]
pub(crate) async fn login(
    app: Data<Application>,
    request: Request,
    StrictJson(credentials): StrictJson<LoginBody>,
) -> Result<Json<TokenPairBody>, Problem> {
    let LoginBody { email, password } = credentials;
    let pair = app.attempt(&request, Login { email, password }).await?;
    Ok(Json(pair.into()))
}

/// Refresh a session
///
/// Returns a new access token and the next refresh token. Within the grace window of a few seconds, the same refresh token
/// returns the same successor, so that a lost response or a second browser tab does not end the session. A refresh token that
/// is used again after that ends the session.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth", request_body = HeldToken,
    responses((status = 200, description = "The new tokens.", body = TokenPairBody)),
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

/// Log out
///
/// Ends the session of the refresh token. Also returns 204 if the token is unknown or expired, or the session has ended.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth", request_body = HeldToken,
    responses((status = 204, description = "The session has ended.")),
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

/// Log out everywhere
///
/// Ends all of the caller's sessions, including the current one.
#[utoipa::path(
    post, path = "/v1/auth/logout-all", tag = "auth",
    responses((status = 204, description = "All sessions have ended.")),
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

/// Get the current user
///
/// Returns the claims of the access token, without access to the database.
#[utoipa::path(
    get, path = "/v1/auth/me", tag = "auth",
    responses((status = 200, description = "The user of the access token.", body = IdentityBody)),
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

/// List your sessions
#[utoipa::path(
    get, path = "/v1/account/sessions", operation_id = "list_own_sessions", tag = "account",
    responses((status = 200, description = "The active sessions.", body = SessionsBody)),
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

/// End your other sessions
///
/// Ends all of the caller's sessions except the current one.
#[utoipa::path(
    delete, path = "/v1/account/sessions", tag = "account",
    responses((status = 204, description = "The other sessions have ended.")),
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

/// End one of your sessions
#[utoipa::path(
    delete, path = "/v1/account/sessions/{id}", tag = "account", params(("id" = String, Path, description = "The id of the session.")),
    responses((status = 204, description = "The session has ended.")),
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

/// List a user's sessions
#[utoipa::path(
    get, path = "/v1/users/{id}/sessions", operation_id = "list_user_sessions", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    responses((status = 200, description = "The active sessions.", body = SessionsBody)),
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

/// End a user's sessions
#[utoipa::path(
    delete, path = "/v1/users/{id}/sessions", operation_id = "end_user_sessions", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    responses((status = 204, description = "All sessions have ended.")),
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
