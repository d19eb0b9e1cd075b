//! How many guesses an account allows, wherever they come from.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::client::{Answer, Client};
use crate::people::{PASSWORD, Person, login, register};
use crate::service::{Launch, Service};

on_both!(
    guesses_are_bounded_whether_or_not_there_is_an_account,
    every_spelling_of_an_address_is_one_account,
    waiting_as_long_as_was_said_is_enough_and_success_forgives,
    the_count_survives_a_restart_and_is_shared,
    parallel_logins_all_succeed_and_parallel_guesses_do_not_outrun_the_count,
    every_route_that_takes_a_password_counts,
    a_day_has_a_bound_of_its_own,
    a_thousand_addresses_do_not_keep_the_owner_out,
    valid_logins_at_once_succeed_where_nothing_is_known,
    an_administrator_unlocks_every_network,
);

const WRONG: &str = "a wrong password";

/// Guesses until it may not, and says how often it might.
fn guess(service: &Service, email: &str) -> (usize, Answer) {
    for count in 0..50 {
        let answer = login(&service.client(), email, WRONG);
        if answer.status == 429 {
            return (count, answer);
        }
        answer.problem(401, "invalid-credentials");
    }
    panic!("{email} could be guessed at for ever");
}

fn guesses_are_bounded_whether_or_not_there_is_an_account(backing: &Backing) {
    let service = Service::on(backing);
    let admin = service.admin();
    let (grace, disabled) = (service.person("grace"), service.person("disabled"));
    let disable = json!({"status": "disabled"});
    admin.client().json("PATCH", &disabled.path(), &disable).ok(200);
    let refusals = [&grace.email, &disabled.email, "nobody@example.org"].map(|email| {
        let (count, refusal) = guess(&service, email);
        assert_eq!(count, 5);
        let mut problem = refusal.problem(429, "too-many-attempts");
        problem["request_id"] = Value::Null;
        let wait = refusal.retry_after();
        assert!((20..=30).contains(&wait), "{refusal:?}");
        let told = [
            ("ratelimit-policy", format!("\"account\";q=1;w={wait}")),
            ("ratelimit", format!("\"account\";r=0;t={wait}")),
        ];
        for (name, value) in told {
            assert_eq!(refusal.header(name), Some(value.as_str()));
        }
        (problem, refusal.header_names().join(" "))
    });
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0], refusals[2]);

    // The right password is not looked at either; who is logged in stays so; others are others.
    login(&service.client(), &grace.email, PASSWORD).problem(429, "too-many-attempts");
    grace.try_refresh().ok(200);
    grace.client().get("/v1/account").ok(200);
    service.person("other").again();
}

/// Lesson 12.
fn every_spelling_of_an_address_is_one_account(backing: &Backing) {
    let service = Service::on(backing);
    let spellings = [
        "ren\u{e9}@b\u{fc}cher.example",
        "REN\u{c9}@B\u{dc}CHER.EXAMPLE",
        "rene\u{301}@bu\u{308}cher.example",
        "ren\u{e9}@xn--bcher-kva.example",
        "ren\u{e9}@b\u{fc}cher\u{ff0e}\u{ff45}xample",
    ];
    for spelling in spellings {
        login(&service.client(), spelling, WRONG).problem(401, "invalid-credentials");
    }
    for spelling in spellings {
        login(&service.client(), spelling, WRONG).problem(429, "too-many-attempts");
    }
}

/// Lesson 18.
fn waiting_as_long_as_was_said_is_enough_and_success_forgives(backing: &Backing) {
    let service = Launch::on(backing)
        .set("attempts.free", "2")
        .set("attempts.first_wait", "1s")
        .start();
    register(&service.client(), "grace@example.org");
    for _ in 0..2 {
        let (count, refusal) = guess(&service, "grace@example.org");
        // On a machine with much to do a wait may be over before it is asked about.
        assert!(count >= 2, "{count}");
        // This is what is tested: not a moment more is waited than was said.
        thread::sleep(Duration::from_secs(refusal.retry_after()));
        login(&service.client(), "grace@example.org", PASSWORD).ok(200);
    }
    let (_, first) = guess(&service, "grace@example.org");
    thread::sleep(Duration::from_secs(first.retry_after()));
    // Without a success the next wait is longer.
    let (count, second) = guess(&service, "grace@example.org");
    assert!(count >= 1, "{count}");
    assert!(second.retry_after() >= 2, "{second:?}");
}

/// Lesson 15.
fn the_count_survives_a_restart_and_is_shared(backing: &Backing) {
    let (mut one, two) = (Service::on(backing), Service::on(backing));
    let clients = [
        one.client(),
        two.client(),
        one.client(),
        two.client(),
        one.client(),
    ];
    for client in clients {
        login(&client, "grace@example.org", WRONG).problem(401, "invalid-credentials");
    }
    for service in [&one, &two] {
        login(&service.client(), "grace@example.org", WRONG).problem(429, "too-many-attempts");
    }
    one.kill();
    one.start_again();
    login(&one.client(), "grace@example.org", WRONG).problem(429, "too-many-attempts");
}

/// Lesson 14.
fn parallel_logins_all_succeed_and_parallel_guesses_do_not_outrun_the_count(backing: &Backing) {
    let services = [Service::on(backing), Service::on(backing)];
    let grace = services[0].person("grace");
    let at_once = |count: usize, password: &'static str| -> Vec<u16> {
        thread::scope(|scope| {
            let guesses: Vec<_> = (0..count)
                .map(|number| {
                    let client = services[number % 2].client();
                    scope.spawn(|| {
                        let client = client;
                        login(&client, &grace.email, password).status
                    })
                })
                .collect();
            guesses.into_iter().map(|guess| guess.join().unwrap()).collect()
        })
    };
    assert_eq!(at_once(20, PASSWORD), [200; 20]);
    let statuses = at_once(100, WRONG);
    let verified = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(verified, 5, "{statuses:?}");
    assert!(
        statuses.iter().all(|status| [401, 429, 503].contains(status)),
        "{statuses:?}"
    );
    grace.try_refresh().ok(200);
}

fn every_route_that_takes_a_password_counts(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    let change = json!({"current_password": WRONG, "new_password": "eight calm gooseberries"});
    let deletion = json!({"password": WRONG});
    for (path, body) in [
        ("/v1/account/password", &change),
        ("/v1/account/deletion", &deletion),
        ("/v1/account/password", &change),
        ("/v1/account/deletion", &deletion),
    ] {
        let answer = grace.client().post(path, body);
        answer.problem(401, "invalid-credentials");
    }
    login(&service.client(), &grace.email, WRONG).problem(401, "invalid-credentials");
    let right = json!({"current_password": PASSWORD, "new_password": "eight calm gooseberries"});
    for (path, body) in [
        ("/v1/account/password", &right),
        ("/v1/account/deletion", &json!({"password": PASSWORD})),
        (
            "/v1/auth/login",
            &json!({"email": grace.email, "password": PASSWORD}),
        ),
    ] {
        let answer = grace.client().post(path, body);
        answer.problem(429, "too-many-attempts");
    }
}

fn a_day_has_a_bound_of_its_own(backing: &Backing) {
    let service = Launch::on(backing)
        .set("attempts.free", "4")
        .set("attempts.daily", "4")
        .set("attempts.first_wait", "1s")
        .start();
    let (count, _) = guess(&service, "nobody@example.org");
    assert_eq!(count, 4);
    // The wait for the next guess is over; the day is not.
    thread::sleep(Duration::from_secs(1));
    let refusal = login(&service.client(), "nobody@example.org", WRONG);
    refusal.problem(429, "too-many-attempts");
    assert!(refusal.retry_after() > 23 * 3600, "{refusal:?}");
    // The count is the account's, and ends with it.
    register(&service.client(), "grace@example.org");
    Person::login(&service.client(), "grace@example.org", PASSWORD);
}

/// A client as it looks from behind a proxy that is trusted.
fn from_address(service: &Service, address: &str) -> Client {
    service.client().with("x-forwarded-for", address)
}

/// Lesson 13.
fn a_thousand_addresses_do_not_keep_the_owner_out(backing: &Backing) {
    let service = Launch::on(backing)
        .set("server.trusted_proxies", "127.0.0.1/32")
        .start();
    register(&service.client(), "grace@example.org");
    let home = from_address(&service, "192.0.2.1");
    let mut grace = Person::login(&home, "grace@example.org", PASSWORD);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let guessers: Vec<_> = (0..8)
            .map(|guesser| {
                let service = &service;
                scope.spawn(move || -> Vec<u16> {
                    (0..125)
                        .map(|number| {
                            let client = from_address(service, &format!("203.{guesser}.{number}.7"));
                            login(&client, "grace@example.org", WRONG).status
                        })
                        .collect()
                })
            })
            .collect();
        // Meanwhile, at an address of the same network, and in the session that was there before.
        for number in 2..12 {
            let home = from_address(&service, &format!("192.0.2.{number}"));
            login(&home, "grace@example.org", PASSWORD).ok(200);
            grace.refresh();
            grace.client().get("/v1/account").ok(200);
        }
        guessers
            .into_iter()
            .flat_map(|guesser| guesser.join().unwrap())
            .collect()
    });
    let verified = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(verified, 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 995);
    login(&home, "grace@example.org", PASSWORD).ok(200);
    let abroad = from_address(&service, "198.51.100.1");
    login(&abroad, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    // The budget of the owner's network is a budget too.
    for _ in 0..5 {
        login(&home, "grace@example.org", WRONG).problem(401, "invalid-credentials");
    }
    login(&home, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    grace.try_refresh().ok(200);
}

/// Lesson 14.
fn valid_logins_at_once_succeed_where_nothing_is_known(backing: &Backing) {
    let service = Service::on(backing);
    register(&service.client(), "grace@example.org");
    let client = service.client();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let logins: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| login(&client, "grace@example.org", PASSWORD).status))
            .collect();
        logins.into_iter().map(|login| login.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 20]);
}

fn an_administrator_unlocks_every_network(backing: &Backing) {
    let service = Launch::on(backing)
        .set("server.trusted_proxies", "127.0.0.1/32")
        .start();
    let admin = service.admin();
    register(&service.client(), "grace@example.org");
    let places = ["2001:db8:7::1", "203.0.113.1"].map(|address| from_address(&service, address));
    let grace = Person::login(&places[0], "grace@example.org", PASSWORD);
    for place in &places {
        for _ in 0..5 {
            login(place, "grace@example.org", WRONG).problem(401, "invalid-credentials");
        }
        login(place, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    }
    admin
        .client()
        .post_nothing(&format!("{}/unlock", grace.path()))
        .is_empty(204);
    for place in &places {
        login(place, "grace@example.org", PASSWORD).ok(200);
    }
}
