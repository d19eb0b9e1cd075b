//! Whether the server lives, and whether it is of use.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, rt};
use doorward_http::{FinalBody, Request, ServerState};
use doorward_runtime::Application;

use super::wire::{HealthBody, State};

/// How long the database may take to answer. Those who ask give up soon after.
const PATIENCE: Duration = Duration::from_millis(1500);

fn answer(checks: BTreeMap<&'static str, State>) -> HttpResponse {
    let worst = checks.values().copied().find(|state| *state != State::Ok);
    let status = if worst.is_none() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = HttpResponse::build(status).json(HealthBody {
        status: worst.unwrap_or(State::Ok),
        checks,
    });
    response.extensions_mut().insert(FinalBody);
    response
}

/// See whether the process answers.
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = 200, description = "It does.", body = HealthBody)),
)]
pub(crate) async fn live() -> HttpResponse {
    answer(BTreeMap::new())
}

/// See whether requests should be sent here.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, description = "They should.", body = HealthBody),
        (status = 503, description = "They should not.", body = HealthBody)),
)]
pub(crate) async fn ready(
    app: Data<Application>,
    state: Data<ServerState>,
    request: Request,
) -> HttpResponse {
    let check = app.run(&request, |use_cases, _| use_cases.store.check());
    let database = match rt::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => State::Ok,
        Ok(Err(_)) | Err(_) => State::Unavailable,
    };
    let server = if state.is_draining() {
        State::Draining
    } else {
        State::Ok
    };
    let revocations = if app.revocations().is_fresh() {
        State::Ok
    } else {
        State::Unavailable
    };
    answer(BTreeMap::from([
        ("database", database),
        ("revocations", revocations),
        ("server", server),
    ]))
}
