//! The API documentation, served from the binary.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Bytes, Data, Path};
use utoipa_swagger_ui::Config;

use crate::problem::{Code, Problem};

/// Content security policy of the page: scripts and styles from this server only. Swagger UI needs inline styles.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                           connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// URLs are relative, so that the page works behind a proxy that adds a path prefix.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Doorward API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;

/// The files of Swagger UI that the page loads. Swagger UI's own pages are not served: they need a weaker policy.
const ASSETS: [&str; 3] = ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

/// Starts Swagger UI without persisted authorization.
const START: &str = r##"SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null});
"##;

/// For responses that only change with the binary.
const ASSET_CACHE: &str = "public, max-age=3600";

/// The settings of the documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocsSettings {
    /// Whether the documentation is served.
    pub(crate) enabled: bool,
    /// The path under which clients reach the API: empty, or with a leading slash and none at the end.
    pub(crate) base_path: String,
}

/// The OpenAPI document.
pub(crate) struct Document(pub(crate) String);

/// Get the OpenAPI document
#[utoipa::path(
    get, path = "/openapi.json", tag = "documentation",
    responses((status = 200, description = "The OpenAPI 3.1 document.", body = Object)),
)]
pub(crate) async fn openapi(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, ASSET_CACHE))
        .body(document.0.clone())
}

/// Show the API documentation
#[utoipa::path(
    get, path = "/docs", operation_id = "docs", tag = "documentation",
    responses((status = 200, description = "The documentation page.", body = String, content_type = "text/html")),
)]
pub(crate) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(PAGE)
}

/// Redirect to the API documentation
#[utoipa::path(
    get, path = "/docs/", operation_id = "docs_redirect", tag = "documentation",
    responses((status = 308, description = "The documentation page is at `/docs`.")),
)]
pub(crate) async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "../docs"))
        .finish()
}

/// Get a file of the documentation page
#[utoipa::path(
    get, path = "/docs/{asset}", operation_id = "docs_asset", tag = "documentation", params(("asset" = String, Path, description = "The file name.")),
    responses((status = 200, description = "The file.", body = String, content_type = "*/*")),
)]
pub(crate) async fn asset(name: Path<String>) -> Result<HttpResponse, Problem> {
    let asset = assets()
        .get(name.as_str())
        .ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, asset.content_type.as_str()))
        .insert_header((header::CACHE_CONTROL, ASSET_CACHE))
        .body(asset.bytes.clone()))
}

/// A file of the page. Responses share its bytes.
struct Asset {
    content_type: String,
    bytes: Bytes,
}

/// The files of the page, by name.
fn assets() -> &'static HashMap<&'static str, Asset> {
    static ASSETS_BY_NAME: OnceLock<HashMap<&str, Asset>> = OnceLock::new();
    ASSETS_BY_NAME.get_or_init(|| {
        let config = Arc::new(Config::from("openapi.json"));
        let vendored = ASSETS.into_iter().filter_map(|name| {
            let file = utoipa_swagger_ui::serve(name, Arc::clone(&config)).ok()??;
            let asset = Asset {
                content_type: file.content_type,
                bytes: Bytes::from(file.bytes.into_owned()),
            };
            Some((name, asset))
        });
        let start = Asset {
            content_type: "text/javascript; charset=utf-8".to_owned(),
            bytes: Bytes::from_static(START.as_bytes()),
        };
        vendored.chain([("start.js", start)]).collect()
    })
}
