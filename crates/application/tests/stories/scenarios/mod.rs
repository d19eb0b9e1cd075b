//! A table of scenarios: every use case with each of its outcomes, and the audit events it writes.
//!
//! The tests run it as it is, with an outage at every step, and with transactions that are rerun.

mod accounts;
mod administration;
mod logins;
mod sessions;

use doorward_application::TokenPair;

use crate::story_app::StoryApp;

/// A use case that is ready to run; it returns its outcome.
pub type UseCaseRun<'w> = Box<dyn Fn() -> String + 'w>;

pub struct Scenario {
    pub name: &'static str,
    /// Creates the state that the use case needs.
    pub prepare: for<'w> fn(&'w StoryApp) -> UseCaseRun<'w>,
    /// The expected outcome: `ok` or the error.
    pub outcome: &'static str,
    /// The expected events.
    pub events: &'static [&'static str],
}

const fn scenario(
    name: &'static str,
    outcome: &'static str,
    events: &'static [&'static str],
    prepare: for<'w> fn(&'w StoryApp) -> UseCaseRun<'w>,
) -> Scenario {
    Scenario {
        name,
        prepare,
        outcome,
        events,
    }
}

/// The outcome of a login when the free attempts are used up.
const WAIT: &str = "TooManyAttempts { retry_after: 30s }";

/// A user Ada with two sessions.
fn ada(world: &StoryApp) -> (TokenPair, TokenPair) {
    world.user("ada");
    (world.enter_as("ada", "phone"), world.enter_as("ada", "laptop"))
}

/// An administrator Root, logged in.
fn root(world: &StoryApp) -> TokenPair {
    world.admin("root");
    world.enter_as("root", "desk")
}

/// All scenarios.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let kinds = [
        logins::SCENARIOS,
        sessions::SCENARIOS,
        accounts::SCENARIOS,
        administration::SCENARIOS,
    ];
    kinds.into_iter().flatten()
}
