//! Attempts are counted per account, whatever the client, the spelling of the address and the route.

use core::time::Duration;
use std::thread;

use doorward_application::{LoginError, PasswordAttempt as _};
use doorward_domain::attempt::AttemptDecision;

use doorward_testkit::FakeHasher;

use crate::concurrency::InterruptedHasher;
use crate::concurrency::at_once;
use crate::story_app::{MICROSECOND, NEW_PASSWORD, PASSWORD, StoryApp, WRONG, just_before, outage, outcome};

const INVALID: &str = "InvalidCredentials";

fn is_wait(outcome: &str) -> bool {
    outcome.starts_with("TooManyAttempts")
}

/// The `retry_after` of a refused login.
fn retry_after(world: &StoryApp, name: &str) -> Duration {
    match world.login(name, WRONG) {
        Err(LoginError::TooManyAttempts { retry_after }) => retry_after,
        other => panic!("{}", outcome(&other)),
    }
}

fn failures(world: &StoryApp) -> u32 {
    world.hasher.verifications() + world.hasher.dummy_verifications()
}

#[test]
fn five_attempts_are_free_and_each_later_one_has_to_wait() {
    for name in ["ada", "nobody"] {
        let world = StoryApp::new();
        world.user("ada");
        world.exhaust(name);
        for expected in [30, 60, 120, 240, 480, 900, 900] {
            let wait = retry_after(&world, name);
            assert_eq!(wait, Duration::from_secs(expected));
            world.wait(just_before(wait));
            assert_eq!(
                retry_after(&world, name),
                MICROSECOND,
                "being refused costs no time"
            );
            world.wait(MICROSECOND);
            let guesses_before = failures(&world);
            assert_eq!(outcome(&world.login(name, WRONG)), INVALID);
            assert_eq!(failures(&world), guesses_before + 1);
        }
    }
}

#[test]
fn a_login_after_the_wait_succeeds() {
    let world = StoryApp::new();
    world.user("ada");
    world.exhaust("ada");
    // Before that even the right password is refused.
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world.wait(retry_after(&world, "ada"));
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn spellings_of_one_address_share_one_count() {
    for registered in [true, false] {
        let world = StoryApp::new();
        if registered {
            world.user("rené@bücher.example");
        }
        for spelling in [
            "rené@bücher.example",
            "RENÉ@BÜCHER.EXAMPLE",
            "rene\u{301}@bu\u{308}cher.example",
            "René@xn--bcher-kva.example",
            "rené@ｂüｃｈｅｒ．ｅｘａｍｐｌｅ",
        ] {
            assert_eq!(outcome(&world.login(spelling, WRONG)), INVALID);
        }
        assert!(is_wait(&outcome(&world.login("René@Bücher.example", WRONG))));
        assert_eq!(
            outcome(&world.login("rene@bücher.example", WRONG)),
            INVALID,
            "somebody else"
        );
    }
}

#[test]
fn all_routes_that_take_the_password_share_one_count() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    for _ in 0..2 {
        assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
        assert_eq!(
            outcome(&world.change_password(&phone, WRONG, NEW_PASSWORD)),
            INVALID
        );
    }
    assert_eq!(outcome(&world.delete_account(&phone, WRONG)), INVALID);
    let verified = world.hasher.verifications();
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    assert!(is_wait(&outcome(&world.change_password(
        &phone,
        PASSWORD,
        NEW_PASSWORD
    ))));
    assert!(is_wait(&outcome(&world.delete_account(&phone, PASSWORD))));
    assert_eq!(world.hasher.verifications(), verified);
}

#[test]
fn a_right_password_at_any_route_resets_the_count() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    let four_wrong = || {
        for _ in 0..4 {
            assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
        }
    };
    // The wait is reset; the failures of the day still count.
    let assert_reset = |today| {
        let record = world.attempts_on("ada").expect("the day");
        assert_eq!((record.failures, record.recent.total()), (0, today));
    };
    four_wrong();
    assert!(world.login("ada", PASSWORD).is_ok());
    assert_reset(4);
    four_wrong();
    // The new password is refused, but the current one was right.
    assert!(world.change_password(&phone, PASSWORD, "short").is_err());
    assert_reset(8);
    four_wrong();
    assert!(world.change_password(&phone, PASSWORD, NEW_PASSWORD).is_ok());
    assert_reset(12);
    four_wrong();
    assert!(world.login("ada", NEW_PASSWORD).is_ok());
    assert_reset(16);
}

#[test]
fn a_right_password_resets_the_count_even_if_the_deletion_is_refused() {
    let world = StoryApp::new();
    world.admin("root");
    let desk = world.enter("root");
    assert_eq!(outcome(&world.delete_account(&desk, WRONG)), INVALID);
    assert_eq!(outcome(&world.delete_account(&desk, PASSWORD)), "LastAdmin");
    assert_eq!(world.attempts_on("root").map(|record| record.failures), Some(0));
}

#[test]
fn a_success_resets_only_the_count_of_its_own_account() {
    let world = StoryApp::new();
    world.user("ada");
    world.user("eve");
    world.exhaust("ada");
    world.enter("eve");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
}

#[test]
fn unlocking_ends_the_wait_immediately() {
    let world = StoryApp::new();
    world.admin("root");
    let ada = world.user("ada");
    let root = world.enter("root");
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world.unlock(&root, ada.id).expect("unlocked");
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_locked_account_keeps_its_active_sessions() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    world.exhaust("ada");
    let phone = world.refresh(&phone).expect("tokens");
    assert!(world.rename_oneself(&phone, "Ada").is_ok());
}

/// A hasher that is still verifying the first password when the last attempt arrives.
fn slow(hasher: &FakeHasher) -> InterruptedHasher<'_> {
    InterruptedHasher::new(hasher, || thread::sleep(Duration::from_millis(30)))
}

#[test]
fn a_hundred_concurrent_attempts_verify_no_more_than_the_free_ones() {
    for (name, again) in [("ada", false), ("nobody", false), ("ada", true)] {
        let world = StoryApp::new();
        world.store.memory.rerun_writes(again);
        world.user("ada");
        let hasher = slow(&world.hasher);
        let outcomes = at_once(100, |_| outcome(&world.login_with(&hasher, name, WRONG)));
        assert_eq!(failures(&world), world.policies.attempts.free, "{name}");
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == INVALID).count(), 5);
        assert_eq!(outcomes.iter().filter(|outcome| is_wait(outcome)).count(), 95);
    }
}

#[test]
fn concurrent_attempts_on_all_routes_verify_no_more_than_the_free_ones() {
    let world = StoryApp::new();
    world.user("ada");
    let phone = world.enter("ada");
    let verified = world.hasher.verifications();
    let hasher = slow(&world.hasher);
    at_once(60, |racer| match racer % 3 {
        0 => outcome(&world.login_with(&hasher, "ADA", WRONG)),
        1 => outcome(&world.change_password_with(&hasher, &phone, WRONG, NEW_PASSWORD)),
        _ => outcome(&world.delete_account_with(&hasher, &phone, WRONG)),
    });
    assert_eq!(
        world.hasher.verifications() - verified,
        world.policies.attempts.free
    );
}

#[test]
fn an_attempt_is_counted_before_it_is_verified() {
    let world = StoryApp::new();
    world.user("ada");
    let hasher = InterruptedHasher::new(&world.hasher, || {
        for _ in 1..world.policies.attempts.free {
            assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
        }
        assert!(is_wait(&outcome(&world.login("ada", WRONG))));
    });
    assert_eq!(outcome(&world.login_with(&hasher, "ada", WRONG)), INVALID);
    assert_eq!(world.hasher.verifications(), world.policies.attempts.free);
}

#[test]
fn a_day_of_attempts_stays_within_the_daily_limit() {
    let world = StoryApp::new();
    world.user("ada");
    let begun = world.clock.now();
    let day = Duration::from_secs(24 * 60 * 60);
    while world.clock.now().since(begun) < day {
        match world.login("ada", WRONG) {
            Err(LoginError::TooManyAttempts { retry_after }) => world.wait(retry_after),
            other => assert_eq!(outcome(&other), INVALID),
        }
        assert!(world.hasher.verifications() <= world.policies.attempts.daily);
    }
    assert!(world.hasher.verifications() > 90, "the owner is not shut out");
}

#[test]
fn the_hundredth_attempt_of_a_day_is_the_last() {
    let mut world = StoryApp::new();
    world.policies.attempts.free = u32::MAX;
    world.user("ada");
    for _ in 0..world.policies.attempts.daily {
        assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
    }
    let wait = retry_after(&world, "ada");
    // Whole hours are counted, so that the wait is up to one hour longer than a day.
    let hour = Duration::from_hours(1);
    assert!((24 * hour..=25 * hour).contains(&wait), "{wait:?}");
    world.wait(wait);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_malformed_address_costs_a_hash_and_is_not_counted() {
    let world = StoryApp::new();
    for typed in ["not an address", "ada @example.org", "a@b@example.org", "ada@"] {
        assert_eq!(outcome(&world.login(typed, WRONG)), INVALID);
    }
    assert_eq!(world.hasher.dummy_verifications(), 4);
    assert_eq!(world.hasher.verifications(), 0);
}

#[test]
fn an_attempt_stays_counted_if_the_hasher_fails() {
    let world = StoryApp::new();
    world.user("ada");
    world
        .hasher
        .fail_with(Some(doorward_domain::password::HashError("no memory".to_owned())));
    assert!(matches!(world.login("ada", PASSWORD), Err(LoginError::Hash(_))));
    let record = world.attempts_on("ada").expect("a guess");
    assert_eq!(record.failures, 1);
    assert!(matches!(
        world.policies.attempts.judge(Some(&record), world.clock.now()),
        AttemptDecision::Allowed(_)
    ));
    world.hasher.fail_with(None);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn an_attempt_that_cannot_be_verified_is_taken_back() {
    let world = StoryApp::new();
    world.user("ada");
    let check = world.use_cases().password_check();
    let login = world.login_of("ada", WRONG);
    let count = || {
        let pending = login
            .look(world.use_cases(), &world.now())
            .expect("an attempt that may be made");
        check.count(pending, &world.now()).expect("a counted attempt")
    };
    check.take_back(count()).expect("taken back");
    assert_eq!(world.attempts_on("ada"), None);
    // The previous record is restored, with its wait.
    world.exhaust("ada");
    world.wait(retry_after(&world, "ada"));
    let before = world.attempts_on("ada");
    check.take_back(count()).expect("taken back");
    assert_eq!(world.attempts_on("ada"), before);
    // If another attempt was counted since, both stay counted.
    world.wait(Duration::from_hours(1));
    let first = count();
    world.wait(Duration::from_hours(1));
    let _second = count();
    let both = world.attempts_on("ada");
    check.take_back(first).expect("nothing to do");
    assert_eq!(world.attempts_on("ada"), both);
    assert_eq!(world.hasher.verifications(), world.policies.attempts.free);
}

#[test]
fn hashing_uses_no_transaction() {
    let world = StoryApp::new();
    world.user("ada");
    let use_cases = world.use_cases();
    for password in [PASSWORD, WRONG] {
        let login = world.login_of("ada", password);
        let pending = login
            .look(use_cases, &world.now())
            .expect("an attempt that may be made");
        let counted = use_cases
            .password_check()
            .count(pending, &world.now())
            .expect("a counted attempt");
        world.store.memory.fail_with(Some(outage()));
        let verified = login.verify(use_cases, counted);
        world.store.memory.fail_with(None);
        let completed = login.complete(use_cases, verified.expect("a verified attempt"), &world.now());
        assert_eq!(completed.is_ok(), password == PASSWORD);
    }
}

#[test]
fn attempts_on_one_record_are_serialised() {
    let world = StoryApp::new();
    world.admin("ada");
    let lock_key = |name: &str| {
        let login = world.login_of(name, WRONG);
        let pending = login.look(world.use_cases(), &world.now());
        pending.expect("an attempt that may be made").lock_key()
    };
    let anywhere = lock_key("ada").expect("a key");
    assert_eq!(lock_key("ADA"), Some(anywhere));
    assert_ne!(lock_key("nobody"), Some(anywhere));
    assert_eq!(lock_key("not an address"), None);
    world.enter("ada");
    assert_ne!(lock_key("ada"), Some(anywhere));
    world.go_to("203.0.113.7");
    assert_eq!(lock_key("ada"), Some(anywhere));
}
