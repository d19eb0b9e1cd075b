//! Other people's accounts.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use doorward_application::{
    AccountDraft, CreateUser, DeleteUser, EndUserSessions, ListSessions, ListUsers, SetRoles, UnlockUser,
    UpdateUser, ViewUser,
};
use doorward_domain::access::{AssignRoles, ManageUsers, Permission as _, ReadUser, ReadUsers};
use doorward_domain::account::Email;
use doorward_domain::account::Role;
use doorward_domain::account::UserFilter;
use doorward_domain::context::RequestContext;
use doorward_domain::id::UserId;
use doorward_domain::patch::Patch;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::bodies::{SessionsBody, Status, UserBody, change};
use crate::extract::{Origin, Require, RequireOn, StrictJson, StrictQuery, page_size};
use crate::problem::{Code, Problem, ProblemResponse};

/// Which accounts to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listing {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page begins: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only the account with this address, in any spelling.
    email: Option<String>,
    /// Only accounts with this role.
    #[param(pattern = "^[a-z][a-z0-9_-]{0,31}$")]
    role: Option<String>,
    /// Only accounts with this status.
    status: Option<Status>,
}

/// One page of accounts.
#[derive(Serialize, ToSchema)]
#[schema(as = Users)]
pub(crate) struct UsersBody {
    /// In the order in which they were made.
    users: Vec<UserBody>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// What is asked for with an account for somebody else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// The address to log in with.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    password: SecretString,
    /// The name to go by, at most 200 characters.
    name: Option<String>,
    /// What the user may do; `user` if left out.
    roles: Option<Vec<String>>,
}

/// What may be changed of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserUpdate {
    /// The name to go by; `null` for none. Left out, it stays as it is.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<String>)]
    name: Patch<Option<String>>,
    /// Whether the account may be used. Disabling ends every session. Left out, it stays as it is.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<Status>, nullable = false)]
    status: Patch<Status>,
}

/// The roles a user is to have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// Exactly these.
    #[schema(example = json!(["user", "billing"]))]
    roles: Vec<String>,
}

/// The user in the path, for whoever may know that there is none.
fn user_id(id: &str) -> Result<UserId, Problem> {
    UserId::parse(id).map_err(|_no_such_id| Problem::new(Code::NotFound))
}

impl Listing {
    /// What to list, how many, after whom.
    fn parse(self) -> Result<(UserFilter, u32, Option<UserId>), Problem> {
        let limit = page_size(self.limit)?;
        let email = self.email.as_deref().map(Email::parse).transpose();
        let role = self.role.as_deref().map(Role::parse).transpose();
        let after = self.cursor.as_deref().map(UserId::parse).transpose();
        let filter = UserFilter {
            email: email
                .map_err(|_detail| Problem::malformed("`email` is not an e-mail address"))?
                .map(|email| email.canonical().clone()),
            role: role.map_err(|_detail| Problem::malformed("`role` is not a role name"))?,
            status: self.status.map(Into::into),
        };
        Ok((
            filter,
            limit,
            after.map_err(|_detail| Problem::malformed("`cursor` is not a cursor of this list"))?,
        ))
    }
}

/// List accounts.
#[utoipa::path(
    get, path = "/v1/users", operation_id = "list_users", tag = "users", params(Listing), security(("bearer" = [])),
    responses((status = 200, description = "A page of accounts.", body = UsersBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ReadUsers::NAME))),
)]
pub(crate) async fn list(
    Require(admin): Require<ReadUsers>,
    app: Data<App>,
    origin: Origin,
    StrictQuery(listing): StrictQuery<Listing>,
) -> Result<Json<UsersBody>, Problem> {
    let (filter, limit, after) = listing.parse()?;
    let page = app
        .on(&app.storage_lane, &origin, move |app, _| {
            ListUsers { store: app.store() }.execute(&admin, &filter, after, limit)
        })
        .await?;
    Ok(Json(UsersBody {
        users: page.users.into_iter().map(UserBody::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}

fn create_on(app: &App) -> CreateUser<'_> {
    CreateUser {
        store: app.store(),
        rules: app.account_rules(),
    }
}

/// Make an account for somebody else.
#[utoipa::path(
    post, path = "/v1/users", operation_id = "create_user", tag = "users", request_body = NewUser, security(("bearer" = [])),
    responses((status = 201, description = "The account.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageUsers::NAME))),
)]
pub(crate) async fn create(
    Require(admin): Require<ManageUsers>,
    app: Data<App>,
    origin: Origin,
    StrictJson(new): StrictJson<NewUser>,
) -> Result<impl Responder, Problem> {
    let draft = AccountDraft {
        email: new.email,
        password: new.password,
        name: new.name,
    };
    let roles = new.roles;
    let hash =
        move |app: &App, context: &RequestContext| create_on(app).hash(&draft, roles.as_deref(), context);
    let hashed = app.on(&app.password_lane, &origin, hash).await?;
    let complete =
        move |app: &App, context: &RequestContext| create_on(app).complete(&admin, hashed, context);
    let user = app.on(&app.storage_lane, &origin, complete).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}

/// See an account: any for an administrator, one's own for everybody.
#[utoipa::path(
    get, path = "/v1/users/{id}", operation_id = "view_user", tag = "users", params(("id" = String, Path, description = "The user.")),
    security(("bearer" = [])),
    responses((status = 200, description = "The account.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ReadUser::NAME))),
)]
pub(crate) async fn view(
    RequireOn(reader): RequireOn<ReadUser>,
    app: Data<App>,
    origin: Origin,
) -> Result<Json<UserBody>, Problem> {
    let user = app
        .on(&app.storage_lane, &origin, move |app, _| {
            ViewUser { store: app.store() }.execute(&reader)
        })
        .await?;
    Ok(Json(user.into()))
}

/// Change an account's name or status.
#[utoipa::path(
    patch, path = "/v1/users/{id}", operation_id = "update_user", tag = "users", params(("id" = String, Path, description = "The user.")),
    request_body = UserUpdate, security(("bearer" = [])),
    responses((status = 200, description = "The account as it is now.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageUsers::NAME))),
)]
pub(crate) async fn update(
    Require(admin): Require<ManageUsers>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
    StrictJson(update): StrictJson<UserUpdate>,
) -> Result<Json<UserBody>, Problem> {
    let id = user_id(&id)?;
    let user = app
        .on(&app.storage_lane, &origin, move |app, context| {
            let name = update.name.as_ref().map(Option::as_deref);
            let status = update.status.map(Into::into);
            app.revoking(
                UpdateUser {
                    store: app.store(),
                    entropy: app.entropy(),
                }
                .execute(&admin, id, name, status, context),
            )
        })
        .await?;
    Ok(Json(user.into()))
}

/// Delete an account, with every session.
#[utoipa::path(
    delete, path = "/v1/users/{id}", operation_id = "delete_user", tag = "users", params(("id" = String, Path, description = "The user.")),
    security(("bearer" = [])),
    responses((status = 204, description = "The account is gone."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageUsers::NAME))),
)]
pub(crate) async fn delete(
    Require(admin): Require<ManageUsers>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            DeleteUser {
                store: app.store(),
                attempt_keys: &*app.ports.attempt_keys,
                entropy: app.entropy(),
            }
            .execute(&admin, id, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give a user other roles.
#[utoipa::path(
    put, path = "/v1/users/{id}/roles", tag = "users", params(("id" = String, Path, description = "The user.")),
    request_body = Assignment, security(("bearer" = [])),
    responses((status = 200, description = "The account as it is now.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(AssignRoles::NAME))),
)]
pub(crate) async fn set_roles(
    Require(admin): Require<AssignRoles>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
    StrictJson(assignment): StrictJson<Assignment>,
) -> Result<Json<UserBody>, Problem> {
    let id = user_id(&id)?;
    let user = app
        .on(&app.storage_lane, &origin, move |app, context| {
            app.revoking(
                SetRoles {
                    store: app.store(),
                    entropy: app.entropy(),
                }
                .execute(&admin, id, &assignment.roles, context),
            )
        })
        .await?;
    Ok(Json(user.into()))
}

/// Forgive an account its failed attempts.
#[utoipa::path(
    post, path = "/v1/users/{id}/unlock", operation_id = "unlock_user", tag = "users", params(("id" = String, Path, description = "The user.")),
    security(("bearer" = [])),
    responses((status = 204, description = "The account can be tried again."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageUsers::NAME))),
)]
pub(crate) async fn unlock(
    Require(admin): Require<ManageUsers>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.on(&app.storage_lane, &origin, move |app, context| {
        UnlockUser {
            store: app.store(),
            attempt_keys: &*app.ports.attempt_keys,
            entropy: app.entropy(),
        }
        .execute(&admin, id, context)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// See where a user is logged in.
#[utoipa::path(
    get, path = "/v1/users/{id}/sessions", operation_id = "list_user_sessions", tag = "users", params(("id" = String, Path, description = "The user.")),
    security(("bearer" = [])),
    responses((status = 200, description = "The live sessions.", body = SessionsBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ReadUsers::NAME))),
)]
pub(crate) async fn list_sessions(
    Require(admin): Require<ReadUsers>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
) -> Result<Json<SessionsBody>, Problem> {
    let id = user_id(&id)?;
    let current = admin.principal().session_id();
    let sessions = app
        .on(&app.storage_lane, &origin, move |app, context| {
            ListSessions {
                store: app.store(),
                policy: &app.policies.session,
            }
            .of_user(&admin, id, context.now)
        })
        .await?;
    Ok(Json(SessionsBody::new(sessions, current, &app.policies.session)))
}

/// End every session of a user.
#[utoipa::path(
    delete, path = "/v1/users/{id}/sessions", operation_id = "end_user_sessions", tag = "users", params(("id" = String, Path, description = "The user.")),
    security(("bearer" = [])),
    responses((status = 204, description = "Every session is over."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageUsers::NAME))),
)]
pub(crate) async fn end_sessions(
    Require(admin): Require<ManageUsers>,
    app: Data<App>,
    origin: Origin,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = user_id(&id)?;
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            EndUserSessions {
                store: app.store(),
                entropy: app.entropy(),
            }
            .execute(&admin, id, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
