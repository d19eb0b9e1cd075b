//! What people do, at random.

use core::time::Duration;

use doorward_domain::session::SessionPolicy;
use proptest::collection::vec;
use proptest::prelude::*;

const MICROSECOND: Duration = Duration::from_micros(1);

/// What happens next. Sessions are named by the order in which they were opened, counted round and round; refresh tokens
/// by how many rotations old they are.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Login { right: bool },
    Refresh { session: usize, age: usize },
    Logout { session: usize, age: usize },
    LogoutEverywhere { from: usize },
    EndOne { from: usize, session: usize },
    ChangePassword { from: usize },
    EndAllByAdmin,
    SetActive(bool),
    SetBilling(bool),
    Wait(Duration),
}

/// What one of two clients does with the token that it has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Refresh,
    Logout,
}

fn a_wait() -> impl Strategy<Value = Duration> {
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

fn a_step() -> impl Strategy<Value = Step> {
    let session = || 0_usize..3;
    prop_oneof![
        2 => prop::bool::weighted(0.8).prop_map(|right| Step::Login { right }),
        12 => session().prop_map(|session| Step::Refresh { session, age: 0 }),
        5 => session().prop_map(|session| Step::Refresh { session, age: 1 }),
        1 => (session(), 2_usize..4).prop_map(|(session, age)| Step::Refresh { session, age }),
        1 => (session(), 0_usize..4).prop_map(|(session, age)| Step::Logout { session, age }),
        1 => session().prop_map(|from| Step::LogoutEverywhere { from }),
        1 => (session(), session()).prop_map(|(from, session)| Step::EndOne { from, session }),
        1 => session().prop_map(|from| Step::ChangePassword { from }),
        1 => Just(Step::EndAllByAdmin),
        2 => any::<bool>().prop_map(Step::SetActive),
        2 => any::<bool>().prop_map(Step::SetBilling),
        10 => a_wait().prop_map(Step::Wait),
    ]
}

/// Up to so many steps.
pub(super) fn a_history(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(a_step(), 1..=longest)
}

/// What two clients do at once.
pub(super) fn a_race() -> impl Strategy<Value = [Vec<Act>; 2]> {
    let act = || prop_oneof![4 => Just(Act::Refresh), 1 => Just(Act::Logout)];
    [vec(act(), 1..4), vec(act(), 1..4)]
}
