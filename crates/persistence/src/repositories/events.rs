use diesel::prelude::*;

use doorward_domain::audit::Event;
use doorward_domain::ports::{EventLog, StoreResult};

use crate::failure::Failure;
use crate::field::without_nul;
use crate::schema::events;
use crate::work::Work;

impl EventLog for Work<'_> {
    fn append(&mut self, event: &Event) -> StoreResult<()> {
        self.write(|connection| {
            let user_agent = event
                .user_agent
                .as_deref()
                .map(|text| without_nul("events", "user_agent", text));
            let detail = serde_json::to_string(&event.detail)
                .map_err(|_unspecific| Failure::unreadable("events", "detail", event.id))?;
            diesel::insert_into(events::table)
                .values((
                    events::id.eq(event.id.to_string()),
                    events::at.eq(event.at.as_micros()),
                    events::kind.eq(event.kind.as_str()),
                    events::outcome.eq(event.outcome.as_str()),
                    events::user_id.eq(event.user_id.map(|id| id.to_string())),
                    events::actor_id.eq(event.actor_id.map(|id| id.to_string())),
                    events::session_id.eq(event.session_id.map(|id| id.to_string())),
                    events::ip.eq(event.ip.map(|ip| ip.to_string())),
                    events::user_agent.eq(user_agent.transpose()?),
                    events::request_id.eq(without_nul("events", "request_id", &event.request_id)?),
                    // JSON writes a NUL as an escape: there is none in here.
                    events::detail.eq(detail),
                ))
                .execute(connection)?;
            Ok(())
        })
    }
}
