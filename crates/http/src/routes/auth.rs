//! Registering, logging in, staying logged in, logging out.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, Responder};
use doorward_application::{Login, Logout, LogoutEverywhere, Refresh, Register};
use doorward_domain::access::ManageOwnAccount;
use doorward_domain::access::Permission as _;
use doorward_domain::context::RequestContext;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::bodies::{NewAccount, TokenPairBody, UserBody, rfc3339, role_names};
use crate::extract::{Origin, Require, StrictJson};
use crate::problem::{Problem, ProblemResponse};

/// What a login takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The address of the account, in any spelling.
    #[schema(example = "ada@example.org")]
    email: String,
    /// Its password.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    password: SecretString,
}

/// What a refresh and a logout take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldToken {
    /// The refresh token of the session.
    #[schema(value_type = String, format = Password, example = "dwr_AZI0…")]
    refresh_token: SecretString,
}

/// Whom an access token speaks for.
#[derive(Serialize, ToSchema)]
#[schema(as = Identity)]
pub(crate) struct IdentityBody {
    /// Names the user.
    id: String,
    /// The address as its owner typed it; `null` if access tokens do not carry it.
    #[schema(required = true)]
    email: Option<String>,
    /// The user's roles when the token was issued.
    roles: Vec<String>,
    /// The session the token belongs to.
    session_id: String,
    /// When the token expires.
    #[schema(format = DateTime)]
    expires_at: String,
}

fn register_on(app: &App) -> Register<'_> {
    Register {
        store: app.store(),
        rules: app.account_rules(),
    }
}

fn login_on(app: &App) -> Login<'_> {
    Login {
        check: app.password_check(),
        issuer: app.token_issuer(),
    }
}

/// Make an account for oneself.
#[utoipa::path(
    post, path = "/v1/auth/register", tag = "auth", request_body = NewAccount, security(()),
    responses((status = 201, description = "The account.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn register(
    app: Data<App>,
    origin: Origin,
    StrictJson(account): StrictJson<NewAccount>,
) -> Result<impl Responder, Problem> {
    // What could not be hashed anyway is refused before it costs the store anything.
    app.password_lane.has_room(&origin.client())?;
    let begin = move |app: &App, _: &RequestContext| register_on(app).begin(account.into());
    let registration = app.on(&app.storage_lane, &origin, begin).await?;
    let hash = move |app: &App, context: &RequestContext| register_on(app).hash(&registration, context);
    let hashed = app.on(&app.password_lane, &origin, hash).await?;
    let complete = move |app: &App, context: &RequestContext| register_on(app).complete(hashed, context);
    let user = app.on(&app.storage_lane, &origin, complete).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}

/// Open a session.
#[utoipa::path(
    post, path = "/v1/auth/login", tag = "auth", request_body = Credentials, security(()),
    responses((status = 200, description = "The first tokens of the session.", body = TokenPairBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn login(
    app: Data<App>,
    origin: Origin,
    StrictJson(credentials): StrictJson<Credentials>,
) -> Result<Json<TokenPairBody>, Problem> {
    let Credentials { email, password } = credentials;
    let pair = app
        .guess(
            &origin,
            move |app, context| login_on(app).begin(&email, context),
            move |app, guess| login_on(app).verify(guess, &password),
            |app, verified, context| login_on(app).complete(verified, context),
        )
        .await?;
    Ok(Json(pair.into()))
}

/// Get the next tokens of a session.
///
/// A refresh can be repeated: the same token brings the same successor for a few seconds, so a lost answer or a second
/// tab logs nobody out. A token that comes back later ends the session.
#[utoipa::path(
    post, path = "/v1/auth/refresh", tag = "auth", request_body = HeldToken, security(()),
    responses((status = 200, description = "The next tokens.", body = TokenPairBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn refresh(
    app: Data<App>,
    origin: Origin,
    StrictJson(held): StrictJson<HeldToken>,
) -> Result<Json<TokenPairBody>, Problem> {
    let pair = app
        .on(&app.storage_lane, &origin, move |app, context| {
            Refresh {
                store: app.store(),
                issuer: app.token_issuer(),
                clock: &*app.ports.clock,
            }
            .execute(&held.refresh_token, context)
        })
        .await?;
    Ok(Json(pair.into()))
}

/// End a session for good.
///
/// Also answers 204 for a token that is unknown, expired or ended already.
#[utoipa::path(
    post, path = "/v1/auth/logout", tag = "auth", request_body = HeldToken, security(()),
    responses((status = 204, description = "The session is over."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn logout(
    app: Data<App>,
    origin: Origin,
    StrictJson(held): StrictJson<HeldToken>,
) -> Result<HttpResponse, Problem> {
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            Logout {
                store: app.store(),
                refresh_tokens: &*app.ports.refresh_tokens,
                entropy: app.entropy(),
            }
            .execute(&held.refresh_token, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// End every session of one's own.
#[utoipa::path(
    post, path = "/v1/auth/logout-all", tag = "auth", security(("bearer" = [])),
    responses((status = 204, description = "Every session is over."), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn logout_all(
    Require(caller): Require<ManageOwnAccount>,
    app: Data<App>,
    origin: Origin,
) -> Result<HttpResponse, Problem> {
    app.on(&app.storage_lane, &origin, move |app, context| {
        app.revoking(
            LogoutEverywhere {
                store: app.store(),
                entropy: app.entropy(),
            }
            .execute(&caller, context),
        )
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// See whom the access token speaks for.
///
/// Answered from the token alone.
#[utoipa::path(
    get, path = "/v1/auth/me", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "Whom the token speaks for.", body = IdentityBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!(ManageOwnAccount::NAME))),
)]
pub(crate) async fn me(Require(caller): Require<ManageOwnAccount>) -> Json<IdentityBody> {
    let principal = caller.principal();
    Json(IdentityBody {
        id: principal.user_id().to_string(),
        email: principal.email().map(str::to_owned),
        roles: role_names(principal.roles()),
        session_id: principal.session_id().to_string(),
        expires_at: rfc3339(principal.expires_at()),
    })
}
