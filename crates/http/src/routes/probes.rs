//! How the operator finds out where requests seem to come from. On the management listener only.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use serde::Serialize;

use crate::app::App;
use crate::probes::PROBE_HEADER;
use crate::problem::{Code, Problem};

/// A probe that was made.
#[derive(Serialize)]
struct Made {
    /// The header that a request has to carry.
    header: String,
    /// The value it has to have.
    probe: String,
}

/// Makes a probe.
pub(crate) async fn make(app: Data<App>) -> impl Responder {
    HttpResponse::Created().json(Made {
        header: PROBE_HEADER.to_string(),
        probe: app.probes.make(app.now(), app.entropy()),
    })
}

/// Tells how a probe was seen.
pub(crate) async fn view(app: Data<App>, name: Path<String>) -> Result<impl Responder, Problem> {
    let found = app.probes.find(app.now(), &name);
    found.map(Json).ok_or_else(|| Problem::new(Code::NotFound))
}
