//! Bodies and parameters of the audit log.

use std::collections::BTreeMap;

use doorward_domain::audit::{Event, EventFilter, EventKind, EventOutcome};
use doorward_domain::id::{EventId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::wire::{page_size, rfc3339};

/// The filter and the page of a list of events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventListing {
    /// The page size.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
    /// Only events about this user. The account may be deleted.
    user_id: Option<String>,
    /// Only events of this kind.
    #[param(schema_with = kinds)]
    kind: Option<String>,
}

/// An audit event. Members that are unknown or do not apply are absent.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// The id of the event.
    id: String,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// The kind of event.
    #[schema(schema_with = kinds)]
    kind: &'static str,
    /// Whether the operation succeeded or was refused.
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    /// The user that the event is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<String>,
    /// The user who caused the event, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor_id: Option<String>,
    /// The session in which the event happened, or that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ip: Option<String>,
    /// The client's `User-Agent`, truncated and without control characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_agent: Option<String>,
    /// The id of the request, as in `X-Request-Id` of the response and in the log.
    request_id: String,
    /// Further details, such as the `reason`, depending on the kind.
    detail: BTreeMap<String, String>,
}

/// A page of audit events.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
pub(crate) struct EventsBody {
    /// The events, newest first.
    pub(crate) events: Vec<EventBody>,
    /// The cursor of the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next_cursor: Option<String>,
}

/// The schema of a kind of event.
fn kinds() -> Schema {
    words(
        "The kind of event.",
        EventKind::ALL.iter().map(|kind| kind.as_str()),
    )
}

/// The schema of an outcome.
fn outcomes() -> Schema {
    let all = [EventOutcome::Success, EventOutcome::Failure];
    words(
        "Whether the operation succeeded or was refused.",
        all.map(EventOutcome::as_str),
    )
}

fn words(description: &str, words: impl IntoIterator<Item = &'static str>) -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words))
        .into()
}

impl From<Event> for EventBody {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            at: rfc3339(event.at),
            kind: event.kind.as_str(),
            outcome: event.outcome.as_str(),
            user_id: event
                .subject
                .and_then(|subject| subject.user_id())
                .map(|id| id.to_string()),
            actor_id: event.actor.map(|actor| actor.to_string()),
            session_id: event.session_id.map(|id| id.to_string()),
            ip: event.ip.map(|ip| ip.to_string()),
            user_agent: event.user_agent,
            request_id: event.request_id.to_string(),
            detail: event.detail,
        }
    }
}

impl EventListing {
    /// The filter, the page size and the event after which the page begins.
    pub(crate) fn parse(self) -> Result<(EventFilter, u32, Option<EventId>), Problem> {
        let limit = page_size(self.limit)?;
        let user_id = self.user_id.as_deref().map(UserId::parse).transpose();
        let before = self.cursor.as_deref().map(EventId::parse).transpose();
        let kind = self.kind.as_deref().map(|word| {
            EventKind::parse(word).ok_or_else(|| Problem::malformed("`kind` is not a kind of event"))
        });
        let filter = EventFilter {
            user_id: user_id.map_err(|_detail| Problem::malformed("`user_id` is not the id of a user"))?,
            kind: kind.transpose()?,
        };
        let before = before.map_err(|_detail| Problem::malformed("`cursor` is not a cursor of this list"))?;
        Ok((filter, limit, before))
    }
}
