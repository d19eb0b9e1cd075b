//! The metrics endpoint.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use doorward_http::ServerState;

use crate::problem::Problem;

/// Returns the metrics in the Prometheus text format. Management listener only.
pub(crate) async fn metrics(state: Data<ServerState>) -> Result<HttpResponse, Problem> {
    let text = state.render_metrics()?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"))
        .body(text))
}
