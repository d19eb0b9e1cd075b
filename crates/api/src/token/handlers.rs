//! The revocation feed.

use actix_web::http::header::{self, ContentType};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use doorward_application::AuthenticateError;
use doorward_domain::token::{LogPosition, RevocationDigests};
use doorward_http::{Rejection, StrictQuery};
use doorward_runtime::Application;

use crate::problem::Problem;

use super::feed::{RenderedFeed, entries_json, feed_body};
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
    feed: Data<RenderedFeed>,
    request: HttpRequest,
    StrictQuery(since): StrictQuery<Since>,
) -> Result<HttpResponse, Problem> {
    let position = match since.cursor.as_deref() {
        None => LogPosition::start(),
        Some(cursor) => LogPosition::parse(cursor)
            .ok_or_else(|| Problem::malformed("`cursor` is not a cursor of this list"))?,
    };
    let revocations = app.revocations();
    revocations.caught_up().await;
    revocations.own_read().await;
    if !position.is_start() && !revocations.knows(&position) {
        // Another instance may have read further, and published that position.
        revocations.all_read().await;
    }
    let published = revocations
        .published()
        .ok_or_else(|| Rejection::from(AuthenticateError::RevocationsUnknown))?;
    // Weak: `as_of` advances although the list is the same.
    let tag = format!("W/\"{:032x}-{}\"", published.content.sum, published.content.len);
    // Read after the tag, so that the response contains all that the tag stands for and the follower does not have yet.
    let newer = revocations.after(&position);
    // The tag covers entries of this instance that have no position yet. A follower may have received it with a body without
    // them: it has the same list only if nothing is newer than its position.
    let has_all = position.is_start() || newer.as_ref().is_some_and(RevocationDigests::is_empty);
    let is_unmodified = has_all && is_not_modified(&request, &tag);
    let mut response = if is_unmodified {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"));
    if is_unmodified {
        return Ok(response.finish());
    }
    let entries = match newer {
        Some(newer) => entries_json(&newer),
        None => feed.get(&app, published.changes, entries_json).await?,
    };
    response.content_type(ContentType::json());
    Ok(response.body(feed_body(&published, entries)))
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
