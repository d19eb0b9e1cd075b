//! Random steps.

use core::time::Duration;

use doorward_domain::session::SessionPolicy;
use proptest::collection::vec;
use proptest::prelude::*;

const MICROSECOND: Duration = Duration::from_micros(1);

/// A step of a history. Sessions are numbered in the order in which they were opened, modulo their number; refresh
/// tokens by how many rotations ago they were issued.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Login {
        right: bool,
    },
    Refresh {
        session: usize,
        age: usize,
        from: Origin,
    },
    Logout {
        session: usize,
        age: usize,
    },
    LogoutEverywhere {
        from: usize,
    },
    EndOne {
        from: usize,
        session: usize,
    },
    ChangePassword {
        from: usize,
    },
    EndAllByAdmin,
    SetActive(bool),
    SetBilling(bool),
    Wait(Duration),
}

/// Where a refresh comes from, by numbers: equal ones are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) network: u8,
    /// The address in the network.
    pub(super) host: u8,
    pub(super) client: u8,
}

impl Origin {
    pub(super) const HOME: Self = Self {
        network: 0,
        host: 0,
        client: 0,
    };
}

fn origin() -> impl Strategy<Value = Origin> {
    let elsewhere = (0_u8..2, 0_u8..2, 0_u8..2).prop_map(|(network, host, client)| Origin {
        network,
        host,
        client,
    });
    prop_oneof![6 => Just(Origin::HOME), 4 => elsewhere]
}

/// What one of two clients does with its latest token.
#[derive(Debug, Clone, Copy)]
pub(super) enum ClientOperation {
    Refresh,
    Logout,
}

fn wait() -> impl Strategy<Value = Duration> {
    let policy = SessionPolicy::default();
    let (grace, idle, access) = (policy.refresh_grace, policy.refresh_idle, policy.access_ttl);
    prop_oneof![
        4 => Just(Duration::from_secs(1)),
        2 => Just(MICROSECOND),
        2 => Just(grace.saturating_sub(MICROSECOND)),
        2 => Just(grace),
        1 => Just(access),
        1 => Just(idle.saturating_sub(MICROSECOND)),
        1 => Just(idle),
        1 => Just(idle / 2),
        2 => (0..2 * grace.as_secs()).prop_map(Duration::from_secs),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let session = || 0_usize..3;
    prop_oneof![
        2 => prop::bool::weighted(0.8).prop_map(|right| Step::Login { right }),
        12 => (session(), origin()).prop_map(|(session, from)| Step::Refresh { session, age: 0, from }),
        5 => (session(), origin()).prop_map(|(session, from)| Step::Refresh { session, age: 1, from }),
        1 => (session(), 2_usize..4, origin())
            .prop_map(|(session, age, from)| Step::Refresh { session, age, from }),
        1 => (session(), 0_usize..4).prop_map(|(session, age)| Step::Logout { session, age }),
        1 => session().prop_map(|from| Step::LogoutEverywhere { from }),
        1 => (session(), session()).prop_map(|(from, session)| Step::EndOne { from, session }),
        1 => session().prop_map(|from| Step::ChangePassword { from }),
        1 => Just(Step::EndAllByAdmin),
        2 => any::<bool>().prop_map(Step::SetActive),
        2 => any::<bool>().prop_map(Step::SetBilling),
        10 => wait().prop_map(Step::Wait),
    ]
}

/// A history of at most `longest` steps.
pub(super) fn history(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..=longest)
}

/// The operations of two concurrent clients.
pub(super) fn race() -> impl Strategy<Value = [Vec<ClientOperation>; 2]> {
    let operation = || prop_oneof![4 => Just(ClientOperation::Refresh), 1 => Just(ClientOperation::Logout)];
    [vec(operation(), 1..4), vec(operation(), 1..4)]
}
