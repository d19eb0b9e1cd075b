//! The page at `/`: what this server is, and where to go on.

use std::fmt::Write as _;

use actix_web::http::header::{self, Header as _};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::docs::DocsSettings;
use super::html;

/// What this server is, and the paths of its documents.
#[derive(Serialize, ToSchema)]
#[schema(as = Index)]
pub(crate) struct IndexBody {
    /// The name of the software.
    name: &'static str,
    /// The documentation page, if it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    documentation: Option<String>,
    /// The OpenAPI document, if it is enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    openapi: Option<String>,
    /// The keys that verify access tokens.
    key_set: String,
    /// Whether the server is ready.
    health: String,
}

/// Show what this server is
///
/// A page, or JSON for clients that accept JSON and not HTML.
#[utoipa::path(
    get, path = "/", operation_id = "index", tag = "documentation",
    responses((status = 200, description = "What this server is.", content((IndexBody = "application/json"), (String = "text/html")))),
)]
pub(crate) async fn page(request: HttpRequest, docs: Data<DocsSettings>) -> HttpResponse {
    let mut response = if accepts_only_json(&request) {
        HttpResponse::Ok().json(index(&docs, &docs.base_path))
    } else {
        html::page("Doorward", "Doorward", &body(&index(&docs, "")))
    };
    response
        .headers_mut()
        .insert(header::VARY, header::HeaderValue::from_static("accept"));
    response
}

fn index(docs: &DocsSettings, base_path: &str) -> IndexBody {
    let under = |path: &str| format!("{base_path}{path}");
    IndexBody {
        name: "Doorward",
        documentation: docs.enabled.then(|| under("/docs")),
        openapi: docs.enabled.then(|| under("/openapi.json")),
        key_set: under("/.well-known/jwks.json"),
        health: under("/health/ready"),
    }
}

/// Whether the client accepts JSON, and HTML at most as part of everything.
fn accepts_only_json(request: &HttpRequest) -> bool {
    let accepted = header::Accept::parse(request).unwrap_or(header::Accept(Vec::new()));
    let names = |kind: &str| accepted.iter().any(|item| item.item.essence_str() == kind);
    names("application/json") && !names("text/html")
}

/// Links are relative, so that the page works behind a proxy that adds a path prefix.
fn body(index: &IndexBody) -> String {
    let links = [
        (
            index.documentation.as_deref(),
            "API documentation",
            "Every operation, to read and to try.",
        ),
        (
            index.openapi.as_deref(),
            "OpenAPI document",
            "The same for programs.",
        ),
        (
            Some(index.key_set.as_str()),
            "Key set",
            "The public keys that verify access tokens.",
        ),
        (
            Some(index.health.as_str()),
            "Health",
            "Whether this server is ready for requests.",
        ),
    ];
    let mut list = String::new();
    for (path, name, description) in links {
        if let Some(path) = path {
            let path = path.trim_start_matches('/');
            // Writing to a string never fails.
            let _ = writeln!(
                list,
                "<dt><a href=\"{path}\">{name}</a></dt>\n<dd class=\"muted\">{description}</dd>"
            );
        }
    }
    format!(
        "<p>This is an authentication service. Applications use its API to register users, log them in and check what they \
         may do. There is nothing to log in to on this page.</p>\n<dl>\n{list}</dl>\n"
    )
}
