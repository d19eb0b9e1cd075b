//! Whether the server lives, and whether it is of use.

use std::collections::BTreeMap;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::extract::Origin;
use crate::middleware::Answered;
use crate::problem::ProblemResponse;

/// How long the database may take to answer. Those who ask give up soon after.
const PATIENCE: Duration = Duration::from_millis(1500);

/// The state of the server.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok` if every check is.
    status: State,
    /// Each thing that was checked.
    checks: BTreeMap<&'static str, State>,
}

/// The state of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = HealthState)]
pub(crate) enum State {
    /// As it should be.
    Ok,
    /// Not to be had at present.
    Unavailable,
    /// On its way out.
    Draining,
}

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
    response.extensions_mut().insert(Answered);
    response
}

/// See whether the process answers.
#[utoipa::path(
    get, path = "/health/live", tag = "health", security(()),
    responses((status = 200, description = "It does.", body = HealthBody), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn live() -> HttpResponse {
    answer(BTreeMap::new())
}

/// See whether requests should be sent here.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", security(()),
    responses(
        (status = 200, description = "They should.", body = HealthBody),
        (status = 503, description = "They should not.", body = HealthBody),
        (status = "default", response = ProblemResponse),
    ),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn ready(app: Data<App>, origin: Origin) -> HttpResponse {
    let check = app.on(&app.storage_lane, &origin, |app, _| app.store().check());
    let database = match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(())) => State::Ok,
        Ok(Err(_)) | Err(_) => State::Unavailable,
    };
    let server = if app.is_draining() {
        State::Draining
    } else {
        State::Ok
    };
    let revocations = if app.revocations.is_believable() {
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
