//! The revocation feed.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use doorward_application::AuthenticateError;
use doorward_http::{Rejection, StrictQuery};
use doorward_runtime::Application;

use crate::problem::Problem;
use crate::wire::rfc3339;

use super::wire::{RevocationsBody, Since};

/// List recent revocations
///
/// For services that verify access tokens themselves. Such a service polls this endpoint and rejects tokens whose `sid`, or
/// whose `sub` and `ver`, are listed. When it could not poll for longer than its tolerance, it must reject all tokens. See
/// `docs/verifying-tokens.md`.
#[utoipa::path(
    get, path = "/v1/revocations", operation_id = "list_revocations", tag = "keys", params(Since),
    responses(
        (status = 200, description = "The recent revocations.", body = RevocationsBody),
        (status = 304, description = "The list has not changed since the response with that `ETag`.")),
)]
pub(crate) async fn list(
    app: Data<Application>,
    request: HttpRequest,
    StrictQuery(since): StrictQuery<Since>,
) -> Result<HttpResponse, Problem> {
    let after = since.cursor.as_deref().map_or(Ok(0), str::parse::<u64>);
    let after = after.map_err(|_not_a_number| Problem::malformed("`cursor` is not a cursor of this list"))?;
    app.revocations().caught_up().await;
    let published = app
        .revocations()
        .published_after(after)
        .ok_or_else(|| Rejection::from(AuthenticateError::RevocationsUnknown))?;
    let digests = published.digests;
    // Weak: `as_of` advances although the list is the same. The counts are included because entries also expire.
    let tag = format!(
        "W/\"{}-{}-{}\"",
        digests.latest,
        digests.sessions.len(),
        digests.subjects.len()
    );
    let mut response = if is_not_modified(&request, &tag) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, tag.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if is_not_modified(&request, &tag) {
        return Ok(response.finish());
    }
    Ok(response.json(RevocationsBody {
        as_of: rfc3339(published.as_of),
        cursor: digests.latest.to_string(),
        max_age_in: published.life.as_secs(),
        sessions: digests.sessions,
        users: digests
            .subjects
            .into_iter()
            .map(|(digest, version)| (digest, version.get()))
            .collect(),
    }))
}

/// Whether `If-None-Match` matches the tag (RFC 9110, section 13.1.2: weak comparison).
fn is_not_modified(request: &HttpRequest, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let lines = request
        .headers()
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}
