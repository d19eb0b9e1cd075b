//! Random histories of one session, against a model small enough to be believed.

use core::time::Duration;

use doorward_domain::time::Timestamp;
use doorward_domain::token::SessionPolicy;
use doorward_domain::usecases::TokenPair;
use proptest::prelude::*;

use crate::world::{MICROSECOND, SECOND, World, just_before, outcome};

/// What happens next. Tokens are named by how many rotations old they are.
#[derive(Debug, Clone)]
enum Step {
    Refresh(usize),
    Logout(usize),
    Wait(Duration),
}

/// A session as it should be.
struct Model {
    policy: SessionPolicy,
    opened_at: Timestamp,
    used_at: Timestamp,
    generation: usize,
    ended: bool,
}

#[derive(Debug, PartialEq)]
enum Expected {
    /// The token of that generation.
    Token(usize),
    Refusal,
}

impl Model {
    fn refresh(&mut self, presented: usize, now: Timestamp) -> Expected {
        let is_over =
            now >= self.opened_at + self.policy.refresh_ttl || now >= self.used_at + self.policy.refresh_idle;
        if self.ended || is_over {
            return Expected::Refusal;
        }
        if presented == self.generation {
            self.generation += 1;
            self.used_at = now;
            return Expected::Token(self.generation);
        }
        // Of a session that is only ever used by refreshing it, the last use is the last rotation.
        let in_grace = now < self.used_at + self.policy.refresh_grace;
        if presented + 1 == self.generation && in_grace {
            return Expected::Token(self.generation);
        }
        self.ended = true;
        Expected::Refusal
    }
}

fn a_wait() -> impl Strategy<Value = Duration> {
    let policy = SessionPolicy::default();
    let (grace, idle) = (policy.refresh_grace, policy.refresh_idle);
    prop_oneof![
        4 => Just(SECOND),
        2 => Just(MICROSECOND),
        2 => Just(just_before(grace)),
        2 => Just(grace),
        1 => Just(just_before(idle)),
        1 => Just(idle),
        1 => Just(idle / 2),
        2 => (0..2 * grace.as_secs()).prop_map(Duration::from_secs),
    ]
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Refresh(0)),
        4 => Just(Step::Refresh(1)),
        1 => (2_usize..4).prop_map(Step::Refresh),
        1 => (0_usize..4).prop_map(Step::Logout),
        8 => a_wait().prop_map(Step::Wait),
    ]
}

fn text(pair: &TokenPair) -> String {
    pair.refresh_token.expose().to_owned()
}

/// Lives through a history on the store and on the model, and compares at every step.
fn live(steps: &[Step], again: bool) -> Result<(), TestCaseError> {
    let world = World::new();
    world.store.memory.rerun_writes(again);
    world.user("ada");
    let login = world.enter("ada");
    let opened_at = world.clock.now() - SECOND;
    let mut model = Model {
        policy: world.sessions,
        opened_at,
        used_at: opened_at,
        generation: 0,
        ended: false,
    };
    // The one token of each generation: a second one would be a fork.
    let mut tokens = vec![text(&login)];
    for step in steps {
        let was_ended = model.ended;
        match step {
            Step::Wait(span) => world.wait(*span),
            Step::Refresh(age) => {
                let Some(presented) = model.generation.checked_sub(*age) else {
                    continue;
                };
                let expected = model.refresh(presented, world.clock.now());
                match world.refresh_token(&tokens[presented]) {
                    Ok(pair) => {
                        let token = text(&pair);
                        if tokens.len() == model.generation {
                            prop_assert!(!tokens.contains(&token));
                            tokens.push(token.clone());
                        }
                        let generation = tokens.iter().position(|known| *known == token);
                        prop_assert_eq!(generation.map(Expected::Token), Some(expected));
                    }
                    Err(error) => {
                        prop_assert_eq!(format!("{error:?}"), "InvalidRefreshToken");
                        prop_assert_eq!(Expected::Refusal, expected);
                    }
                }
            }
            Step::Logout(age) => {
                let Some(presented) = model.generation.checked_sub(*age) else {
                    continue;
                };
                prop_assert_eq!(outcome(&world.logout_token(&tokens[presented])), "ok");
                model.ended = true;
            }
        }
        let session = world.session(login.session_id).expect("a session");
        prop_assert_eq!(session.ended.is_some(), model.ended);
        prop_assert!(!was_ended || session.ended.is_some(), "revoked stays revoked");
        prop_assert_eq!(usize::try_from(session.generation.get()), Ok(model.generation));
    }
    // One end, told once.
    let ends = |line: &&String| line.starts_with("session.ended") || line.starts_with("session.replayed");
    let told = world.told();
    prop_assert_eq!(told.iter().filter(ends).count(), usize::from(model.ended));
    if model.ended {
        let mut all = tokens.iter();
        prop_assert!(all.all(|token| world.refresh_token(token).is_err()));
    }
    Ok(())
}

/// One refresh of an owner whose network loses answers.
#[derive(Debug, Clone)]
struct Use {
    /// After how long it is tried again, each time from the first try.
    retries: Vec<Duration>,
    /// How long until the next use.
    pause: Duration,
}

fn a_use() -> impl Strategy<Value = Use> {
    let policy = SessionPolicy::default();
    let grace = u64::try_from(policy.refresh_grace.as_micros()).expect("a short grace");
    let idle = u64::try_from(policy.refresh_idle.as_micros()).expect("a short life");
    let retries = proptest::collection::vec((0..grace).prop_map(Duration::from_micros), 0..4);
    let pause = prop_oneof![0..60_000_000_u64, 0..idle - grace, Just(idle - grace)];
    (retries, pause).prop_map(|(mut retries, pause)| {
        retries.sort();
        let pause = Duration::from_micros(pause);
        Use { retries, pause }
    })
}

proptest! {
    #[test]
    fn a_session_goes_as_the_model_says(steps in proptest::collection::vec(a_step(), 1..40), again: bool) {
        live(&steps, again)?;
    }

    #[test]
    fn an_owner_alone_who_retries_within_the_grace_is_never_logged_out(uses in proptest::collection::vec(a_use(), 1..30)) {
        let mut world = World::new();
        world.sessions.refresh_ttl = Duration::from_secs(10 * 365 * 24 * 60 * 60);
        world.user("ada");
        let mut pair = world.enter("ada");
        for Use { retries, pause } in uses {
            let begun = world.clock.now();
            let lost = world.refresh(&pair).expect("tokens");
            let mut kept = lost.clone();
            for after in retries {
                world.clock.set(begun + after);
                kept = world.refresh(&pair).expect("the same tokens again");
                prop_assert_eq!(kept.refresh_token.expose(), lost.refresh_token.expose());
            }
            prop_assert!(world.is_live(pair.session_id));
            pair = kept;
            world.wait(pause);
        }
        prop_assert!(world.refresh(&pair).is_ok());
    }

    #[test]
    fn of_two_who_hold_one_token_at_most_one_lineage_lives(turns in proptest::collection::vec((any::<bool>(), a_wait()), 2..30)) {
        let world = World::new();
        world.user("ada");
        let stolen = world.enter("ada");
        let mut hands = [stolen.clone(), stolen];
        for (thief, pause) in turns {
            let hand = usize::from(thief);
            if let Ok(pair) = world.refresh(&hands[hand]) {
                hands[hand] = pair;
            }
            world.wait(pause);
        }
        // Well after any grace, one of them presents what they hold: the other has the same token, or has been found out.
        let same = text(&hands[0]) == text(&hands[1]);
        world.wait(world.sessions.refresh_grace);
        let first = world.refresh(&hands[0]);
        world.wait(world.sessions.refresh_grace);
        let second = world.refresh(&hands[1]);
        prop_assert!(first.is_err() || second.is_err(), "same: {}", same);
        if let Ok(pair) = &first {
            prop_assert!(second.is_err() && world.is_refused(pair));
        }
    }
}
