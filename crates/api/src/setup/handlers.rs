//! Creation of the first administrator.

use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use doorward_application::{AccountDraft, CompleteSetup};
use doorward_http::{Request, StrictJson};
use doorward_runtime::Application;

use crate::account::wire::UserBody;
use crate::problem::Problem;

use super::wire::Setup;

/// Create the first administrator
///
/// Requires the setup token. Works once.
#[utoipa::path(
    post, path = "/v1/setup", operation_id = "complete_setup", tag = "setup", request_body = Setup,
    responses((status = 201, description = "The administrator's account.", body = UserBody)),
)]
pub(crate) async fn complete(
    app: Data<Application>,
    request: Request,
    StrictJson(setup): StrictJson<Setup>,
) -> Result<impl Responder, Problem> {
    let setup = CompleteSetup {
        token: setup.setup_token,
        draft: AccountDraft {
            email: setup.email,
            password: setup.password,
            name: setup.name,
        },
    };
    let user = app.create(&request, setup).await?;
    Ok(HttpResponse::Created().json(UserBody::from(user)))
}
