//! Bodies and parameters of the audit log.

use std::collections::BTreeMap;

use doorward_domain::audit::{Event, EventFilter, EventKind, EventOutcome};
use doorward_domain::id::{EventId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::wire::{page_size, rfc3339};

/// Which events to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventListing {
    /// How many at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// Where the page begins: `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only what happened to this user. It need not exist any more.
    user_id: Option<String>,
    /// Only events of this kind.
    #[param(schema_with = kinds)]
    kind: Option<String>,
}

/// One entry of the audit log. What is not known of it, or does not apply, is absent.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventBody {
    /// Names the event.
    id: String,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// What happened.
    #[schema(schema_with = kinds)]
    kind: &'static str,
    /// Whether it was done, or turned away.
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    /// Whom it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<String>,
    /// Who did it, when that is somebody else or known apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor_id: Option<String>,
    /// In or to which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session_id: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ip: Option<String>,
    /// What the client called itself, without control characters and cut to a bounded length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_agent: Option<String>,
    /// The request in which it happened, as `X-Request-Id` of its answer and the log name it.
    request_id: String,
    /// Particulars, such as the `reason`: which there are depends on the kind.
    detail: BTreeMap<String, String>,
}

/// One page of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
pub(crate) struct EventsBody {
    /// The newest first.
    pub(crate) events: Vec<EventBody>,
    /// Where the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) next_cursor: Option<String>,
}

/// The kinds of events, for the document.
fn kinds() -> Schema {
    words("What happened.", EventKind::ALL.iter().map(|kind| kind.as_str()))
}

/// The outcomes, for the document.
fn outcomes() -> Schema {
    let all = [EventOutcome::Success, EventOutcome::Failure];
    words(
        "Whether it was done, or turned away.",
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
    /// What to list, how many, before what.
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
