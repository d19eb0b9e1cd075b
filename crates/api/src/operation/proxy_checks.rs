//! Proxy checks: how the server observes requests that come through a proxy. Management listener only.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, Responder};
use doorward_http::{PROXY_CHECK_HEADER, ServerState};

use crate::problem::{Code, Problem};

use super::wire::{CreatedProxyCheck, ProxyCheckBody};

/// Creates a proxy check.
pub(crate) async fn create(state: Data<ServerState>) -> impl Responder {
    HttpResponse::Created().json(CreatedProxyCheck {
        header: PROXY_CHECK_HEADER.to_string(),
        probe: state.create_proxy_check(),
    })
}

/// Returns the result of a proxy check.
pub(crate) async fn view(state: Data<ServerState>, name: Path<String>) -> Result<impl Responder, Problem> {
    let check = state
        .proxy_check(&name)
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(Json(ProxyCheckBody::from(check)))
}
