//! The keys that others verify access tokens with.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;

use crate::app::App;
use crate::problem::ProblemResponse;

/// How long others may use the key set without asking again.
const CACHE: &str = "public, max-age=300";

/// Get the public keys (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "keys", security(()),
    responses((status = 200, description = "The key set.", body = Object, content_type = "application/jwk-set+json"), (status = "default", response = ProblemResponse)),
    extensions(("x-permission" = json!("public"))),
)]
pub(crate) async fn jwks(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/jwk-set+json"))
        .insert_header((header::CACHE_CONTROL, CACHE))
        .body(app.ports.published_keys.key_set().to_string())
}
