//! Refused attempts are recorded in the audit log, once.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use doorward_application::{PasswordAttempt as _, UseCases};
use doorward_domain::attempt::{AttemptKey, RefusedAttempts};
use doorward_domain::store::Transactions as _;
use doorward_domain::time::Timestamp;

use crate::story_app::{StoryApp, WRONG, outage};

/// Records the first refusal in the audit log.
struct FirstRefusal(AtomicBool);

impl RefusedAttempts for FirstRefusal {
    fn note(&self, _key: &AttemptKey, _now: Timestamp) -> Option<u64> {
        (!self.0.swap(true, Ordering::Relaxed)).then_some(1)
    }

    fn take_back(&self, _key: &AttemptKey, _noted: Option<u64>, _is_refused: bool) {}
}

#[test]
fn a_refusal_is_recorded_once_even_if_the_transaction_is_rerun() {
    let world = StoryApp::that_runs_work_again();
    world.user("ada");
    let refused = FirstRefusal(AtomicBool::new(false));
    let use_cases = UseCases {
        refused_attempts: &refused,
        ..world.use_cases()
    };
    // It was allowed when it began, and is refused when it is counted.
    let late = world
        .login_of("ada", WRONG)
        .look(use_cases, &world.now())
        .expect("an attempt that may be made");
    world.exhaust("ada");
    assert!(use_cases.password_check().count(late, &world.now()).is_err());
    let lines = world.event_lines();
    let refusals = lines.iter().filter(|line| line.starts_with("login.refused"));
    assert_eq!(refusals.count(), 1, "{lines:#?}");
}

/// Has every refusal recorded, as the third since the last one. Runs a callback before that, and keeps what is taken back.
struct InterruptedRefusals<'a> {
    happens: Box<dyn Fn(&AttemptKey) + Send + Sync + 'a>,
    taken_back: Mutex<Vec<(Option<u64>, bool)>>,
}

impl RefusedAttempts for InterruptedRefusals<'_> {
    fn note(&self, key: &AttemptKey, _now: Timestamp) -> Option<u64> {
        (self.happens)(key);
        Some(3)
    }

    fn take_back(&self, _key: &AttemptKey, noted: Option<u64>, is_refused: bool) {
        self.taken_back
            .lock()
            .expect("no panic")
            .push((noted, is_refused));
    }
}

#[test]
fn refusals_are_counted_again_if_their_event_could_not_be_written_or_the_attempt_is_allowed() {
    let taken_back = |happens: &(dyn Fn(&StoryApp, &AttemptKey) + Send + Sync)| {
        let world = StoryApp::new();
        world.user("ada");
        world.exhaust("ada");
        let refused = InterruptedRefusals {
            happens: Box::new(|key| happens(&world, key)),
            taken_back: Mutex::default(),
        };
        let use_cases = UseCases {
            refused_attempts: &refused,
            ..world.use_cases()
        };
        let looked = world.login_of("ada", WRONG).look(use_cases, &world.now());
        let taken_back = refused.taken_back.lock().expect("no panic").clone();
        (looked.is_ok(), taken_back)
    };
    assert_eq!(taken_back(&|_, _| ()), (false, vec![]));
    let outage = |world: &StoryApp, _: &AttemptKey| world.store.memory.fail_commits_with(Some(outage()));
    assert_eq!(taken_back(&outage), (false, vec![(Some(3), true)]));
    // Another attempt succeeds meanwhile.
    let reset = |world: &StoryApp, key: &AttemptKey| {
        let record = world.store.memory.attempts_on(key);
        let replaced = world
            .store
            .single_write(|repos| repos.attempts().replace(key, record.as_ref(), None));
        assert_eq!(replaced, Ok(true));
    };
    assert_eq!(taken_back(&reset), (true, vec![(Some(3), false)]));
}
