//! One's own account.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use doorward_application::{
    ChangePassword, DeleteAccount, EndOtherSessions, EndSession, ListSessions, UpdateAccount, ViewAccount,
    ViewUserError,
};
use doorward_domain::access::ManageOwnAccount;
use doorward_domain::access::Permission as _;
use doorward_domain::id::SessionId;
use doorward_domain::patch::Patch;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::bodies::{SessionsBody, UserBody, change};
use crate::extract::{Origin, Require, StrictJson};
use crate::problem::{Code, Problem, ProblemResponse};

/// What may be changed of one's own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountUpdate {
    /// The name to go by; `null` for none. Left out, it stays as it is.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<String>)]
    name: Patch<Option<String>>,
}

/// What a change of password takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    /// The password as it is.
    #[schema(value_type = String, format = Password)]
    current_password: SecretString,
    /// The password as it is to be.
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

/// What a deletion takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    /// The password of the account.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

fn delete_on(app: &App) -> DeleteAccount<'_> {
    DeleteAccount {
        check: app.password_check(),
    }
}

fn change_on(app: &App) -> ChangePassword<'_> {
    ChangePassword {
        check: app.password_check(),
        rules: app.account_rules(),
    }
}

/// See one's own account.
#[utoipa::path(
    get, path = "/v1/account", operation_id = "view_account", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn view(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .on(&app.storage_lane, &origin, move |app, _| {
            ViewAccount { store: app.store() }
                .execute(&caller)
                .map_err(|error| match error {
                    // Whoever asks for an account of their own that is gone has a token that is not true any more.
                    ViewUserError::NotFound => Problem::invalid_token(),
                    ViewUserError::Store(error) => error.into(),
                })
        })
        .await?;
    Ok(Json(user.into()))
}

/// Change one's own account.
#[utoipa::path(
    patch, path = "/v1/account", operation_id = "update_account", tag = "account", request_body = AccountUpdate, security(("bearer" = [])),
    responses((status = 200, description = "The account as it is now.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn update(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
    StrictJson(update): StrictJson<AccountUpdate>,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .on(&app.storage_lane, &origin, move |app, context| {
            let name = update.name.as_ref().map(Option::as_deref);
            UpdateAccount {
                store: app.store(),
                entropy: app.entropy(),
            }
            .execute(&caller, name, context)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Delete one's own account, with every session.
#[utoipa::path(
    post, path = "/v1/account/deletion", operation_id = "delete_account", tag = "account", request_body = Confirmation, security(("bearer" = [])),
    responses((status = 204, description = "The account is gone."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn delete(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
    StrictJson(confirmation): StrictJson<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let Confirmation { password } = confirmation;
    app.guess(
        &origin,
        move |app, context| delete_on(app).begin(&caller, context),
        move |app, guess| delete_on(app).verify(guess, &password),
        |app, verified, context| app.revoking(delete_on(app).complete(verified, context)),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change one's own password, which ends every other session.
#[utoipa::path(
    post, path = "/v1/account/password", tag = "account", request_body = PasswordChange, security(("bearer" = [])),
    responses((status = 204, description = "The password is changed."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn change_password(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
    StrictJson(change): StrictJson<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange {
        current_password,
        new_password,
    } = change;
    let caller = Arc::new(caller);
    let beginner = Arc::clone(&caller);
    app.guess(
        &origin,
        move |app, context| change_on(app).begin(&beginner, context),
        move |app, guess| change_on(app).verify(guess, &current_password, &new_password),
        move |app, verified, context| app.revoking(change_on(app).complete(&caller, verified, context)),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// See where one is logged in.
#[utoipa::path(
    get, path = "/v1/account/sessions", operation_id = "list_own_sessions", tag = "account", security(("bearer" = [])),
    responses((status = 200, description = "The live sessions.", body = SessionsBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn list_sessions(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
) -> Result<Json<SessionsBody>, Problem> {
    let current = caller.principal().session_id();
    let sessions = app
        .on(&app.storage_lane, &origin, move |app, context| {
            ListSessions {
                store: app.store(),
                policy: &app.policies.session,
            }
            .own(&caller, context.now)
        })
        .await?;
    Ok(Json(SessionsBody::new(sessions, current, &app.policies.session)))
}

/// End every session of one's own but this one.
#[utoipa::path(
    delete, path = "/v1/account/sessions", tag = "account", security(("bearer" = [])),
    responses((status = 204, description = "The others are over."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn end_other_sessions(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
) -> Result<HttpResponse, Problem> {
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            EndOtherSessions {
                store: app.store(),
                entropy: app.entropy(),
            }
            .execute(&caller, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End one session of one's own.
#[utoipa::path(
    delete, path = "/v1/account/sessions/{id}", tag = "account", params(("id" = String, Path, description = "The session.")),
    security(("bearer" = [])),
    responses((status = 204, description = "The session is over."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn end_session(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let session = SessionId::parse(&id).map_err(|_no_such_id| Problem::new(Code::NotFound))?;
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            EndSession {
                store: app.store(),
                policy: &app.policies.session,
                entropy: app.entropy(),
            }
            .execute(&caller, session, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
