//! One's own account.

use std::sync::Arc;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};
use doorward_application::{
    ChangePassword, DeleteAccount, Register, UpdateAccount, ViewAccount, ViewUserError,
};
use doorward_domain::access::ManageOwnAccount;
use doorward_domain::context::RequestContext;
use doorward_http::{Request, Require, StrictJson};
use doorward_runtime::{Application, RunError};

use crate::problem::Problem;

use super::wire::{AccountUpdate, Confirmation, NewAccount, PasswordChange, UserBody};

fn register_on(app: &Application) -> Register<'_> {
    Register {
        store: app.store(),
        rules: app.account_rules(),
    }
}

fn delete_on(app: &Application) -> DeleteAccount<'_> {
    DeleteAccount {
        check: app.password_check(),
    }
}

fn change_on(app: &Application) -> ChangePassword<'_> {
    ChangePassword {
        check: app.password_check(),
        rules: app.account_rules(),
    }
}

/// See one's own account.
#[utoipa::path(
    get, path = "/v1/account", operation_id = "view_account", tag = "account",
    responses((status = 200, description = "The account.", body = UserBody)),
)]
pub(crate) async fn view(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .run(&app.storage_lane, &request, move |app, _| {
            ViewAccount { store: app.store() }.execute(&caller)
        })
        .await
        .map_err(|error| match error {
            // An account that is gone has no valid tokens.
            RunError::UseCase(ViewUserError::NotFound) => Problem::invalid_token(),
            error => error.into(),
        })?;
    Ok(Json(user.into()))
}

/// Change one's own account.
#[utoipa::path(
    patch, path = "/v1/account", operation_id = "update_account", tag = "account", request_body = AccountUpdate,
    responses((status = 200, description = "The account as it is now.", body = UserBody)),
)]
pub(crate) async fn update(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(update): StrictJson<AccountUpdate>,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .run(&app.storage_lane, &request, move |app, context| {
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
    post, path = "/v1/account/deletion", operation_id = "delete_account", tag = "account", request_body = Confirmation,
    responses((status = 204, description = "The account is gone.")),
)]
pub(crate) async fn delete(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(confirmation): StrictJson<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let Confirmation { password } = confirmation;
    app.run_attempt(
        &request,
        move |app, context| delete_on(app).begin(&caller, context),
        move |app, attempt| delete_on(app).verify(attempt, &password),
        |app, verified, context| app.revoking(delete_on(app).complete(verified, context)),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change one's own password, which ends every other session.
#[utoipa::path(
    post, path = "/v1/account/password", tag = "account", request_body = PasswordChange,
    responses((status = 204, description = "The password is changed.")),
)]
pub(crate) async fn change_password(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(change): StrictJson<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange {
        current_password,
        new_password,
    } = change;
    let caller = Arc::new(caller);
    let beginner = Arc::clone(&caller);
    app.run_attempt(
        &request,
        move |app, context| change_on(app).begin(&beginner, context),
        move |app, attempt| change_on(app).verify(attempt, &current_password, &new_password),
        move |app, verified, context| app.revoking(change_on(app).complete(&caller, verified, context)),
    )
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make an account for oneself.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth", request_body = NewAccount,
    responses((status = 201, description = "The account.", body = UserBody)),
)]
pub(crate) async fn register(
    app: Data<Application>,
    request: Request,
    StrictJson(account): StrictJson<NewAccount>,
) -> Result<impl Responder, Problem> {
    // What could not be hashed anyway is refused before it costs the store anything.
    app.password_lane.has_room(&request.client())?;
    let begin = move |app: &Application, _: &RequestContext| register_on(app).begin(account.into());
    let registration = app.run(&app.storage_lane, &request, begin).await?;
    let hash =
        move |app: &Application, context: &RequestContext| register_on(app).hash(&registration, context);
    let hashed = app.run(&app.password_lane, &request, hash).await?;
    let complete =
        move |app: &Application, context: &RequestContext| register_on(app).complete(hashed, context);
    let user = app.run(&app.storage_lane, &request, complete).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}
