//! The audit log.

use actix_web::web::{Data, Json};
use doorward_domain::access::ReadAudit;
use doorward_http::{Request, Require, StrictQuery};
use doorward_runtime::Application;

use crate::problem::Problem;

use super::wire::{EventBody, EventListing, EventsBody};

/// List audit events
///
/// Newest first. Events are in descending order of `id`, which is the order of time to the millisecond; within one
/// millisecond the order is arbitrary but stable. Following `next_cursor` to the last page returns each event that existed at
/// the first request exactly once. Events written in the meantime are not included: start again without a cursor.
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
