//! The audit log.

use actix_web::web::{Data, Json};
use doorward_domain::access::ReadAudit;
use doorward_http::{Request, Require, StrictQuery};
use doorward_runtime::Application;

use crate::problem::Problem;

use super::wire::{EventBody, EventListing, EventsBody};

/// Read the audit log.
///
/// The newest events come first: events are in descending order of `id`, which is that of time to the millisecond, and
/// within one millisecond no particular but always the same one. Walking from page to page meets every event that was there
/// at the beginning exactly once, whatever is written meanwhile; what is written meanwhile is found by starting anew.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(EventListing),
    responses((status = 200, description = "A page of events.", body = EventsBody)),
)]
pub(crate) async fn list(
    Require(admin): Require<ReadAudit>,
    app: Data<Application>,
    request: Request,
    StrictQuery(listing): StrictQuery<EventListing>,
) -> Result<Json<EventsBody>, Problem> {
    let (filter, limit, before) = listing.parse()?;
    let page = app
        .run(&request, move |use_cases, _| {
            use_cases.list_events().execute(&admin, &filter, before, limit)
        })
        .await?;
    Ok(Json(EventsBody {
        events: page.events.into_iter().map(EventBody::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    }))
}
