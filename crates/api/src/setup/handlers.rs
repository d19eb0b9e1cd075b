//! The first administrator.

use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use doorward_application::{AccountDraft, CompleteSetup};
use doorward_domain::context::RequestContext;
use doorward_http::{Request, StrictJson};
use doorward_runtime::Application;

use crate::account::wire::UserBody;
use crate::problem::Problem;

use super::wire::Setup;

fn setup_on(app: &Application) -> CompleteSetup<'_> {
    CompleteSetup {
        store: app.store(),
        rules: app.account_rules(),
    }
}

/// Make the first administrator, once.
#[utoipa::path(
    post, path = "/v1/setup", operation_id = "complete_setup", tag = "setup", request_body = Setup,
    responses((status = 201, description = "The first administrator.", body = UserBody)),
)]
pub(crate) async fn complete(
    app: Data<Application>,
    request: Request,
    StrictJson(setup): StrictJson<Setup>,
) -> Result<impl Responder, Problem> {
    let draft = AccountDraft {
        email: setup.email,
        password: setup.password,
        name: setup.name,
    };
    // What could not be hashed anyway is refused before it costs the store anything.
    app.password_lane.has_room(&request.client())?;
    let begin =
        move |app: &Application, context: &RequestContext| setup_on(app).begin(&setup.setup_token, context);
    let open = app.run(&app.storage_lane, &request, begin).await?;
    let hash = move |app: &Application, context: &RequestContext| setup_on(app).hash(&open, &draft, context);
    let hashed = app.run(&app.password_lane, &request, hash).await?;
    let complete = move |app: &Application, context: &RequestContext| setup_on(app).complete(hashed, context);
    let user = app.run(&app.storage_lane, &request, complete).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}
