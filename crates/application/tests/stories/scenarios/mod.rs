//! Every use case in every way it can go: what comes of it, and what the audit log says of it.
//!
//! The table is read three times: as it stands ([`crate::audit`]), with an outage at every step, and with transactions
//! that are run again ([`crate::outages`]).

mod accounts;
mod administration;
mod logins;
mod sessions;

use doorward_application::TokenPair;

use crate::world::World;

/// A use case that is ready to run; it answers how it went.
pub type Act<'w> = Box<dyn Fn() -> String + 'w>;

pub struct Scenario {
    pub name: &'static str,
    /// Makes the world that the use case needs.
    pub prepare: for<'w> fn(&'w World) -> Act<'w>,
    /// How it goes: `ok` or the error.
    pub outcome: &'static str,
    /// The events that it writes.
    pub told: &'static [&'static str],
}

const fn scenario(
    name: &'static str,
    outcome: &'static str,
    told: &'static [&'static str],
    prepare: for<'w> fn(&'w World) -> Act<'w>,
) -> Scenario {
    Scenario {
        name,
        prepare,
        outcome,
        told,
    }
}

/// How a login with a guess too many is refused.
const WAIT: &str = "TooManyAttempts { retry_after: 30s }";

/// Ada with two sessions.
fn ada(world: &World) -> (TokenPair, TokenPair) {
    world.user("ada");
    (world.enter_as("ada", "phone"), world.enter_as("ada", "laptop"))
}

/// The administrator Root, logged in.
fn root(world: &World) -> TokenPair {
    world.admin("root");
    world.enter_as("root", "desk")
}

/// Every scenario there is.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    let kinds = [
        logins::SCENARIOS,
        sessions::SCENARIOS,
        accounts::SCENARIOS,
        administration::SCENARIOS,
    ];
    kinds.into_iter().flatten()
}
