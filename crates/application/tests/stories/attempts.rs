//! Guessing: counted for the account, whoever guesses, however it is spelled and whatever the route.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;

use doorward_application::{Login, LoginError, PasswordCheck};
use doorward_domain::attempt::RefusedAttempts;
use doorward_domain::attempt::{AttemptDecision, AttemptKey};
use doorward_domain::time::Timestamp;

use doorward_testkit::FakeHasher;
use secrecy::SecretString;

use crate::hashers::Meanwhile;
use crate::threads::at_once;
use crate::world::{
    MICROSECOND, NEW_PASSWORD, PASSWORD, WRONG, World, address, just_before, outage, outcome,
};

const INVALID: &str = "InvalidCredentials";

fn is_wait(outcome: &str) -> bool {
    outcome.starts_with("TooManyAttempts")
}

/// How long a login is told to wait.
fn told_to_wait(world: &World, name: &str) -> Duration {
    match world.login(name, WRONG) {
        Err(LoginError::TooManyAttempts { retry_after }) => retry_after,
        other => panic!("{}", outcome(&other)),
    }
}

fn guesses(world: &World) -> u32 {
    world.hasher.verifications() + world.hasher.dummy_verifications()
}

#[test]
fn five_guesses_are_free_and_each_one_after_them_has_to_wait_as_told() {
    for name in ["ada", "nobody"] {
        let world = World::new();
        world.user("ada");
        world.exhaust(name);
        for expected in [30, 60, 120, 240, 480, 900, 900] {
            let told = told_to_wait(&world, name);
            assert_eq!(told, Duration::from_secs(expected));
            world.wait(just_before(told));
            assert_eq!(
                told_to_wait(&world, name),
                MICROSECOND,
                "being refused costs no time"
            );
            world.wait(MICROSECOND);
            let guesses_before = guesses(&world);
            assert_eq!(outcome(&world.login(name, WRONG)), INVALID);
            assert_eq!(guesses(&world), guesses_before + 1);
        }
    }
}

#[test]
fn waiting_as_told_is_followed_by_success() {
    let world = World::new();
    world.user("ada");
    world.exhaust("ada");
    // Not even the right password is looked at before.
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world.wait(told_to_wait(&world, "ada"));
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn spellings_of_one_address_share_one_count() {
    for registered in [true, false] {
        let world = World::new();
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
fn the_routes_that_ask_for_the_password_share_one_count() {
    let world = World::new();
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
    let world = World::new();
    world.user("ada");
    let phone = world.enter("ada");
    let four_wrong = || {
        for _ in 0..4 {
            assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
        }
    };
    // The wait is forgiven; what was wrong today is not forgotten.
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
fn a_right_password_of_a_last_administrator_who_stays_resets_the_count() {
    let world = World::new();
    world.admin("root");
    let desk = world.enter("root");
    assert_eq!(outcome(&world.delete_account(&desk, WRONG)), INVALID);
    assert_eq!(outcome(&world.delete_account(&desk, PASSWORD)), "LastAdmin");
    assert_eq!(world.attempts_on("root").map(|record| record.failures), Some(0));
}

#[test]
fn a_success_of_one_account_forgives_no_other() {
    let world = World::new();
    world.user("ada");
    world.user("eve");
    world.exhaust("ada");
    world.enter("eve");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
}

#[test]
fn unlocking_forgives_at_once() {
    let world = World::new();
    world.admin("root");
    let ada = world.user("ada");
    let root = world.enter("root");
    world.exhaust("ada");
    assert!(is_wait(&outcome(&world.login("ada", PASSWORD))));
    world.unlock(&root, ada.id).expect("unlocked");
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_locked_account_keeps_its_live_sessions() {
    let world = World::new();
    world.user("ada");
    let phone = world.enter("ada");
    world.exhaust("ada");
    let phone = world.refresh(&phone).expect("tokens");
    assert!(world.rename_oneself(&phone, "Ada").is_ok());
}

/// A hasher that is still at the first password when the last guess comes in.
fn slow(hasher: &FakeHasher) -> Meanwhile<'_> {
    Meanwhile::new(hasher, || thread::sleep(Duration::from_millis(30)))
}

#[test]
fn a_hundred_guesses_at_once_verify_no_more_than_are_free() {
    for (name, again) in [("ada", false), ("nobody", false), ("ada", true)] {
        let world = World::new();
        world.store.memory.rerun_writes(again);
        world.user("ada");
        let hasher = slow(&world.hasher);
        let outcomes = at_once(100, |_| outcome(&world.login_with(&hasher, name, WRONG)));
        assert_eq!(guesses(&world), world.attempts.free, "{name}");
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == INVALID).count(), 5);
        assert_eq!(outcomes.iter().filter(|outcome| is_wait(outcome)).count(), 95);
    }
}

#[test]
fn guesses_at_once_by_every_route_verify_no_more_than_are_free() {
    let world = World::new();
    world.user("ada");
    let phone = world.enter("ada");
    let verified = world.hasher.verifications();
    let hasher = slow(&world.hasher);
    at_once(60, |racer| match racer % 3 {
        0 => outcome(&world.login_with(&hasher, "ADA", WRONG)),
        1 => outcome(&world.change_password_with(&hasher, &phone, WRONG, NEW_PASSWORD)),
        _ => outcome(&world.delete_account_with(&hasher, &phone, WRONG)),
    });
    assert_eq!(world.hasher.verifications() - verified, world.attempts.free);
}

#[test]
fn guesses_while_another_is_being_verified_find_it_counted() {
    let world = World::new();
    world.user("ada");
    let hasher = Meanwhile::new(&world.hasher, || {
        for _ in 1..world.attempts.free {
            assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
        }
        assert!(is_wait(&outcome(&world.login("ada", WRONG))));
    });
    assert_eq!(outcome(&world.login_with(&hasher, "ada", WRONG)), INVALID);
    assert_eq!(world.hasher.verifications(), world.attempts.free);
}

#[test]
fn a_day_of_guessing_as_fast_as_allowed_stays_within_the_bound() {
    let world = World::new();
    world.user("ada");
    let begun = world.clock.now();
    let day = Duration::from_secs(24 * 60 * 60);
    while world.clock.now().since(begun) < day {
        match world.login("ada", WRONG) {
            Err(LoginError::TooManyAttempts { retry_after }) => world.wait(retry_after),
            other => assert_eq!(outcome(&other), INVALID),
        }
        assert!(world.hasher.verifications() <= world.attempts.daily);
    }
    assert!(world.hasher.verifications() > 90, "the owner is not shut out");
}

#[test]
fn the_hundredth_guess_of_a_day_is_the_last() {
    let mut world = World::new();
    world.attempts.free = u32::MAX;
    world.user("ada");
    for _ in 0..world.attempts.daily {
        assert_eq!(outcome(&world.login("ada", WRONG)), INVALID);
    }
    let told = told_to_wait(&world, "ada");
    // Whole hours of the clock are counted, so that the wait is up to one longer than a day.
    let hour = Duration::from_hours(1);
    assert!((24 * hour..=25 * hour).contains(&told), "{told:?}");
    world.wait(told);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_malformed_address_costs_a_hash_and_counts_for_nobody() {
    let world = World::new();
    for typed in ["not an address", "ada @example.org", "a@b@example.org", "ada@"] {
        assert_eq!(outcome(&world.login(typed, WRONG)), INVALID);
    }
    assert_eq!(world.hasher.dummy_verifications(), 4);
    assert_eq!(world.hasher.verifications(), 0);
}

#[test]
fn a_guess_counted_before_a_failure_of_the_hasher_stays_counted() {
    let world = World::new();
    world.user("ada");
    world
        .hasher
        .fail_with(Some(doorward_domain::password::HashError("no memory".to_owned())));
    assert!(matches!(world.login("ada", PASSWORD), Err(LoginError::Hash(_))));
    let record = world.attempts_on("ada").expect("a guess");
    assert_eq!(record.failures, 1);
    assert!(matches!(
        world.attempts.judge(Some(&record), world.clock.now()),
        AttemptDecision::Allowed(_)
    ));
    world.hasher.fail_with(None);
    assert!(world.login("ada", PASSWORD).is_ok());
}

#[test]
fn a_guess_that_finds_no_room_to_be_verified_in_is_taken_back() {
    let world = World::new();
    world.user("ada");
    let check = world.check_with(&world.hasher);
    let login = Login {
        check,
        issuer: world.issuer(),
    };
    let count = || {
        let guess = login.begin("ada@example.org", &world.now()).expect("a guess");
        check.count(guess, &world.now()).expect("one that counts")
    };
    check.take_back(count()).expect("taken back");
    assert_eq!(world.attempts_on("ada"), None);
    // What was remembered before is remembered again, with its wait.
    world.exhaust("ada");
    world.wait(told_to_wait(&world, "ada"));
    let before = world.attempts_on("ada");
    check.take_back(count()).expect("taken back");
    assert_eq!(world.attempts_on("ada"), before);
    // Where another was counted since, both stay counted.
    world.wait(Duration::from_hours(1));
    let first = count();
    world.wait(Duration::from_hours(1));
    let _second = count();
    let both = world.attempts_on("ada");
    check.take_back(first).expect("nothing to do");
    assert_eq!(world.attempts_on("ada"), both);
    assert_eq!(world.hasher.verifications(), world.attempts.free);
}

#[test]
fn hashing_asks_no_store() {
    let world = World::new();
    world.user("ada");
    let login = Login {
        check: world.check_with(&world.hasher),
        issuer: world.issuer(),
    };
    for password in [PASSWORD, WRONG] {
        let guess = login.begin("ada@example.org", &world.now()).expect("a guess");
        let counted = login.check.count(guess, &world.now()).expect("one that counts");
        world.store.memory.fail_with(Some(outage()));
        let verified = login.verify(counted, &SecretString::from(password));
        world.store.memory.fail_with(None);
        let completed = login.complete(verified.expect("a finding"), &world.now());
        assert_eq!(completed.is_ok(), password == PASSWORD);
    }
}

#[test]
fn guesses_take_turns_at_what_they_count_on() {
    let world = World::new();
    world.user("ada");
    let turn = |name: &str| {
        let login = Login {
            check: world.check_with(&world.hasher),
            issuer: world.issuer(),
        };
        login.begin(&address(name), &world.now()).expect("a guess").turn()
    };
    let anywhere = turn("ada").expect("a turn");
    assert_eq!(turn("ADA"), Some(anywhere));
    assert_ne!(turn("nobody"), Some(anywhere));
    assert_eq!(turn("not an address"), None);
    world.enter("ada");
    assert_ne!(turn("ada"), Some(anywhere));
    world.go_to("203.0.113.7");
    assert_eq!(turn("ada"), Some(anywhere));
}

/// Has the audit log told of the first refusal there is.
struct FirstRefusal(AtomicBool);

impl RefusedAttempts for FirstRefusal {
    fn note(&self, _key: &AttemptKey, _now: Timestamp) -> Option<u64> {
        (!self.0.swap(true, Ordering::Relaxed)).then_some(1)
    }
}

#[test]
fn a_refusal_is_noted_once_though_the_store_runs_the_work_again() {
    let world = World::that_runs_work_again();
    world.user("ada");
    let refused = FirstRefusal(AtomicBool::new(false));
    let check = PasswordCheck {
        refused: &refused,
        ..world.check_with(&world.hasher)
    };
    let login = Login {
        check,
        issuer: world.issuer(),
    };
    // It might be made when it was looked at, and may not any more when it is counted.
    let late = login.begin(&address("ada"), &world.now()).expect("a guess");
    world.exhaust("ada");
    assert!(check.count(late, &world.now()).is_err());
    let told = world.told();
    let refusals = told.iter().filter(|line| line.starts_with("login.refused"));
    assert_eq!(refusals.count(), 1, "{told:#?}");
}
