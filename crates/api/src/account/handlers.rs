//! The caller's own account.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};
use doorward_application::{ChangePassword, DeleteAccount, Register, ViewUserError};
use doorward_domain::access::ManageOwnAccount;
use doorward_http::{Request, RequireUser, StrictJson};
use doorward_runtime::{Application, RunError};

use crate::problem::Problem;

use super::wire::{AccountUpdate, Confirmation, PasswordChange, RegistrationBody, UserBody};

/// Get your account
#[utoipa::path(
    get, path = "/v1/account", operation_id = "view_account", tag = "account",
    responses((status = 200, description = "The account.", body = UserBody)),
)]
pub(crate) async fn view(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .run(&request, move |use_cases, _| {
            use_cases.view_account().execute(&caller)
        })
        .await
        .map_err(|error| match error {
            // A deleted account has no valid tokens.
            RunError::UseCase(ViewUserError::NotFound) => Problem::invalid_token(),
            error => error.into(),
        })?;
    Ok(Json(user.into()))
}

/// Update your account
#[utoipa::path(
    patch, path = "/v1/account", operation_id = "update_account", tag = "account", request_body = AccountUpdate,
    responses((status = 200, description = "The updated account.", body = UserBody)),
)]
pub(crate) async fn update(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(update): StrictJson<AccountUpdate>,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .run(&request, move |use_cases, context| {
            let name = update.name.as_ref().map(Option::as_deref);
            use_cases.update_account().execute(&caller, name, context)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Delete your account
///
/// Ends all sessions.
#[utoipa::path(
    post, path = "/v1/account/deletion", operation_id = "delete_account", tag = "account", request_body = Confirmation,
    responses((status = 204, description = "The account is deleted.")),
)]
pub(crate) async fn delete(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(confirmation): StrictJson<Confirmation>,
) -> Result<HttpResponse, Problem> {
    let Confirmation { password } = confirmation;
    app.attempt(&request, DeleteAccount { caller, password }).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change your password
///
/// Ends all other sessions.
#[utoipa::path(
    post, path = "/v1/account/password", tag = "account", request_body = PasswordChange,
    responses((status = 204, description = "The password is changed.")),
)]
pub(crate) async fn change_password(
    RequireUser(caller): RequireUser<ManageOwnAccount>,
    app: Data<Application>,
    request: Request,
    StrictJson(change): StrictJson<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange {
        current_password,
        new_password,
    } = change;
    let change = ChangePassword {
        caller,
        current: current_password,
        new: new_password,
    };
    app.attempt(&request, change).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Create an account
///
/// While registration is closed (`registration.mode`), every request is refused with 403 `feature-disabled`.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth", request_body = RegistrationBody,
    responses((status = 201, description = "The new account.", body = UserBody)),
)]
pub(crate) async fn register(
    app: Data<Application>,
    request: Request,
    StrictJson(account): StrictJson<RegistrationBody>,
) -> Result<impl Responder, Problem> {
    let user = app.create(&request, Register(account.into())).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}
