//! The key set endpoint.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Data;
use doorward_runtime::Application;

/// Get the key set
///
/// The public keys that verify access tokens, as a JSON Web Key Set (RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "keys",
    responses((status = 200, description = "The key set.", body = Object, content_type = "application/jwk-set+json")),
)]
pub(crate) async fn jwks(app: Data<Application>) -> HttpResponse {
    let keys = app.published_keys();
    let cache = format!("public, max-age={}", keys.cache_life().as_secs());
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/jwk-set+json"))
        .insert_header((header::CACHE_CONTROL, cache))
        .body(keys.key_set().to_string())
}
