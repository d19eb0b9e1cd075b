//! User administration.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use doorward_application::{AccountDraft, CreateUser};
use doorward_domain::access::{AssignRoles, ManageUsers, ReadUser, ReadUsers};
use doorward_http::{Request, Require, RequireOn, StrictJson, StrictQuery};
use doorward_runtime::Application;

use crate::problem::Problem;
use crate::wire::user_id;

use super::wire::{Assignment, NewUser, UserBody, UserListing, UserUpdate, UsersBody};

/// List users
#[utoipa::path(
    get, path = "/v1/users", operation_id = "list_users", tag = "users", params(UserListing),
    responses((status = 200, description = "A page of accounts.", body = UsersBody)),
)]
pub(crate) async fn list(
    Require(admin): Require<ReadUsers>,
    app: Data<Application>,
    request: Request,
    StrictQuery(listing): StrictQuery<UserListing>,
) -> Result<Json<UsersBody>, Problem> {
    let (filter, limit, after) = listing.parse()?;
    let page = app
        .run(&request, move |use_cases, _| {
            use_cases.list_users().execute(&admin, &filter, after, limit)
        })
        .await?;
    Ok(Json(UsersBody {
        users: page.users.into_iter().map(UserBody::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

/// Create a user
#[utoipa::path(
    post, path = "/v1/users", operation_id = "create_user", tag = "users", request_body = NewUser,
    responses((status = 201, description = "The new account.", body = UserBody)),
)]
pub(crate) async fn create(
    Require(admin): Require<ManageUsers>,
    app: Data<Application>,
    request: Request,
    StrictJson(new): StrictJson<NewUser>,
) -> Result<impl Responder, Problem> {
    let creation = CreateUser {
        admin,
        draft: AccountDraft {
            email: new.email,
            password: new.password,
            name: new.name,
        },
        roles: new.roles,
    };
    let user = app.create(&request, creation).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}

/// Get a user
///
/// Administrators may read any account, other users only their own.
#[utoipa::path(
    get, path = "/v1/users/{id}", operation_id = "view_user", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    responses((status = 200, description = "The account.", body = UserBody)),
)]
pub(crate) async fn view(
    RequireOn(reader): RequireOn<ReadUser>,
    app: Data<Application>,
    request: Request,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .run(&request, move |use_cases, _| {
            use_cases.view_user().execute(&reader)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Update a user's name or status
#[utoipa::path(
    patch, path = "/v1/users/{id}", operation_id = "update_user", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    request_body = UserUpdate,
    responses((status = 200, description = "The updated account.", body = UserBody)),
)]
pub(crate) async fn update(
    Require(admin): Require<ManageUsers>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
    StrictJson(update): StrictJson<UserUpdate>,
) -> Result<Json<UserBody>, Problem> {
    let id = user_id(&id)?;
    let user = app
        .run(&request, move |use_cases, context| {
            let name = update.name.as_ref().map(Option::as_deref);
            let status = update.status.map(Into::into);
            use_cases.update_user().execute(&admin, id, name, status, context)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Delete a user
///
/// Ends all sessions of the user.
#[utoipa::path(
    delete, path = "/v1/users/{id}", operation_id = "delete_user", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    responses((status = 204, description = "The account is deleted.")),
)]
pub(crate) async fn delete(
    Require(admin): Require<ManageUsers>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.run(&request, move |use_cases, context| {
        use_cases.delete_user().execute(&admin, id, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Set a user's roles
#[utoipa::path(
    put, path = "/v1/users/{id}/roles", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    request_body = Assignment,
    responses((status = 200, description = "The updated account.", body = UserBody)),
)]
pub(crate) async fn set_roles(
    Require(admin): Require<AssignRoles>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
    StrictJson(assignment): StrictJson<Assignment>,
) -> Result<Json<UserBody>, Problem> {
    let id = user_id(&id)?;
    let user = app
        .run(&request, move |use_cases, context| {
            use_cases
                .set_roles()
                .execute(&admin, id, &assignment.roles, context)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Unlock a user
///
/// Clears the failed attempts of the account.
#[utoipa::path(
    post, path = "/v1/users/{id}/unlock", operation_id = "unlock_user", tag = "users", params(("id" = String, Path, description = "The id of the user.")),
    responses((status = 204, description = "The account is unlocked.")),
)]
pub(crate) async fn unlock(
    Require(admin): Require<ManageUsers>,
    app: Data<Application>,
    request: Request,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.run(&request, move |use_cases, context| {
        use_cases.unlock_user().execute(&admin, id, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
