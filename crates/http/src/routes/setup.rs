//! The first administrator.

use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use doorward_application::{AccountDraft, CompleteSetup};
use doorward_domain::context::RequestContext;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::bodies::UserBody;
use crate::extract::{Origin, StrictJson};
use crate::problem::{Problem, ProblemResponse};

/// What setup takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the members' names are the contract's")]
pub(crate) struct Setup {
    /// The token that the server printed at its first start.
    #[schema(value_type = String, format = Password, example = "dws_5f0c…")]
    setup_token: SecretString,
    /// The address to log in with.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    password: SecretString,
    /// The name to go by, at most 200 characters.
    name: Option<String>,
}

fn setup_on(app: &App) -> CompleteSetup<'_> {
    CompleteSetup {
        store: app.store(),
        rules: app.account_rules(),
    }
}

/// Make the first administrator, once.
#[utoipa::path(
    post, path = "/v1/setup", operation_id = "complete_setup", tag = "setup", request_body = Setup, security(()),
    responses((status = 201, description = "The first administrator.", body = UserBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn complete(
    app: Data<App>,
    origin: Origin,
    StrictJson(setup): StrictJson<Setup>,
) -> Result<impl Responder, Problem> {
    let draft = AccountDraft {
        email: setup.email,
        password: setup.password,
        name: setup.name,
    };
    // What could not be hashed anyway is refused before it costs the store anything.
    app.password_lane.has_room(&origin.client())?;
    let begin = move |app: &App, context: &RequestContext| setup_on(app).begin(&setup.setup_token, context);
    let open = app.on(&app.storage_lane, &origin, begin).await?;
    let hash = move |app: &App, context: &RequestContext| setup_on(app).hash(&open, &draft, context);
    let hashed = app.on(&app.password_lane, &origin, hash).await?;
    let complete = move |app: &App, context: &RequestContext| setup_on(app).complete(hashed, context);
    let user = app.on(&app.storage_lane, &origin, complete).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}
