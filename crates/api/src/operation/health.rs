//! Liveness and readiness.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use doorward_http::{FinalBody, Request, ServerState};
use doorward_runtime::Application;

use super::wire::{HealthBody, State};

fn respond(checks: BTreeMap<&'static str, State>) -> HttpResponse {
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

/// Check liveness
#[utoipa::path(
    get, path = "/health/live", tag = "health",
    responses((status = 200, description = "The process is running.", body = HealthBody)),
)]
pub(crate) async fn live() -> HttpResponse {
    respond(BTreeMap::new())
}

/// Check readiness
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, description = "The server is ready for requests.", body = HealthBody),
        (status = 503, description = "The server is not ready: see `checks`.", body = HealthBody)),
)]
pub(crate) async fn ready(
    app: Data<Application>,
    state: Data<ServerState>,
    request: Request,
) -> HttpResponse {
    let database = if app.store_is_ready(&request).await {
        State::Ok
    } else {
        State::Unavailable
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
    respond(BTreeMap::from([
        ("database", database),
        ("revocations", revocations),
        ("server", server),
    ]))
}
