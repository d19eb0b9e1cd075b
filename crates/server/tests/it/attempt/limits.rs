//! Limits on failed password attempts per account, whatever their origin.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::database::{Database, on_both_databases};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login, register};

on_both_databases!(
    failed_logins_are_limited_whether_or_not_the_account_exists,
    all_spellings_of_an_email_address_share_one_attempt_count,
    waiting_for_retry_after_is_enough_and_success_resets_the_count,
    the_attempt_count_survives_a_restart_and_is_shared_by_instances,
    concurrent_valid_logins_succeed_and_concurrent_wrong_ones_stay_within_the_limit,
    every_route_that_takes_a_password_counts_attempts,
    the_daily_limit_applies_after_the_wait_has_passed,
    attempts_from_many_addresses_do_not_lock_out_the_owner,
    concurrent_first_logins_succeed,
    unlocking_by_an_administrator_resets_every_network,
);

const WRONG: &str = "a wrong password";

/// Logs in with a wrong password until the response is 429; returns the number of attempts before it and that response.
fn fail_until_refused(service: &Service, email: &str) -> (usize, Response) {
    for count in 0..50 {
        let response = login(&service.client(), email, WRONG);
        if response.status == 429 {
            return (count, response);
        }
        response.problem(401, "invalid-credentials");
    }
    panic!("{email} was never refused");
}

fn failed_logins_are_limited_whether_or_not_the_account_exists(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let (grace, disabled) = (service.new_user("grace"), service.new_user("disabled"));
    let disable = json!({"status": "disabled"});
    admin.client().json("PATCH", &disabled.path(), &disable).ok(200);
    let refusals = [&grace.email, &disabled.email, "nobody@example.org"].map(|email| {
        let (count, refusal) = fail_until_refused(&service, email);
        assert_eq!(count, 5);
        let mut problem = refusal.problem(429, "too-many-attempts");
        problem["request_id"] = Value::Null;
        let wait = refusal.retry_after();
        assert!((20..=30).contains(&wait), "{refusal:?}");
        let expected = [
            ("ratelimit-policy", format!("\"account\";q=1;w={wait}")),
            ("ratelimit", format!("\"account\";r=0;t={wait}")),
        ];
        for (name, value) in expected {
            assert_eq!(refusal.header(name), Some(value.as_str()));
        }
        (problem, refusal.header_names().join(" "))
    });
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0], refusals[2]);

    // The right password is refused too; existing sessions and other accounts are not affected.
    login(&service.client(), &grace.email, PASSWORD).problem(429, "too-many-attempts");
    grace.try_refresh().ok(200);
    grace.client().get("/v1/account").ok(200);
    service.new_user("other").login_again();
}

fn all_spellings_of_an_email_address_share_one_attempt_count(database: &Database) {
    let service = Service::on(database);
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

fn waiting_for_retry_after_is_enough_and_success_resets_the_count(database: &Database) {
    let service = Launch::on(database)
        .set("attempts.free", "2")
        .set("attempts.first_wait", "1s")
        .start();
    register(&service.client(), "grace@example.org");
    for _ in 0..2 {
        let (count, refusal) = fail_until_refused(&service, "grace@example.org");
        // On a slow machine a wait may be over before the next attempt.
        assert!(count >= 2, "{count}");
        // The sleep is what is tested: waiting exactly `Retry-After` is enough.
        thread::sleep(Duration::from_secs(refusal.retry_after()));
        login(&service.client(), "grace@example.org", PASSWORD).ok(200);
    }
    let (_, first) = fail_until_refused(&service, "grace@example.org");
    thread::sleep(Duration::from_secs(first.retry_after()));
    // Without a success the next wait is longer.
    let (count, second) = fail_until_refused(&service, "grace@example.org");
    assert!(count >= 1, "{count}");
    assert!(second.retry_after() >= 2, "{second:?}");
}

fn the_attempt_count_survives_a_restart_and_is_shared_by_instances(database: &Database) {
    let (mut one, two) = (Service::on(database), Service::on(database));
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
    one.restart();
    login(&one.client(), "grace@example.org", WRONG).problem(429, "too-many-attempts");
}

fn concurrent_valid_logins_succeed_and_concurrent_wrong_ones_stay_within_the_limit(database: &Database) {
    let services = [Service::on(database), Service::on(database)];
    let grace = services[0].new_user("grace");
    let at_once = |count: usize, password: &'static str| -> Vec<u16> {
        thread::scope(|scope| {
            let logins: Vec<_> = (0..count)
                .map(|number| {
                    let client = services[number % 2].client();
                    scope.spawn(|| {
                        let client = client;
                        login(&client, &grace.email, password).status
                    })
                })
                .collect();
            logins.into_iter().map(|login| login.join().unwrap()).collect()
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

fn every_route_that_takes_a_password_counts_attempts(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let change = json!({"current_password": WRONG, "new_password": "eight calm gooseberries"});
    let deletion = json!({"password": WRONG});
    for (path, body) in [
        ("/v1/account/password", &change),
        ("/v1/account/deletion", &deletion),
        ("/v1/account/password", &change),
        ("/v1/account/deletion", &deletion),
    ] {
        let response = grace.client().post(path, body);
        response.problem(401, "invalid-credentials");
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
        let response = grace.client().post(path, body);
        response.problem(429, "too-many-attempts");
    }
}

fn the_daily_limit_applies_after_the_wait_has_passed(database: &Database) {
    let service = Launch::on(database)
        .set("attempts.free", "4")
        .set("attempts.daily", "4")
        .set("attempts.first_wait", "1s")
        .start();
    let (count, _) = fail_until_refused(&service, "nobody@example.org");
    assert_eq!(count, 4);
    // The wait for the next attempt is over; the daily limit still applies.
    thread::sleep(Duration::from_secs(1));
    let refusal = login(&service.client(), "nobody@example.org", WRONG);
    refusal.problem(429, "too-many-attempts");
    assert!(refusal.retry_after() > 23 * 3600, "{refusal:?}");
    // The count belongs to the one address: other accounts are not affected.
    register(&service.client(), "grace@example.org");
    TestUser::login(&service.client(), "grace@example.org", PASSWORD);
}

/// A client with this forwarded address.
fn from_address(service: &Service, address: &str) -> Client {
    service.client().with_header("x-forwarded-for", address)
}

fn attempts_from_many_addresses_do_not_lock_out_the_owner(database: &Database) {
    let service = Launch::on(database)
        .set("server.trusted_proxies", "127.0.0.1/32")
        .start();
    register(&service.client(), "grace@example.org");
    let known_network = from_address(&service, "192.0.2.1");
    let mut grace = TestUser::login(&known_network, "grace@example.org", PASSWORD);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let attackers: Vec<_> = (0..8)
            .map(|attacker| {
                let service = &service;
                scope.spawn(move || -> Vec<u16> {
                    (0..125)
                        .map(|number| {
                            let client = from_address(service, &format!("203.{attacker}.{number}.7"));
                            login(&client, "grace@example.org", WRONG).status
                        })
                        .collect()
                })
            })
            .collect();
        // Meanwhile the owner logs in from the same network and uses the existing session.
        for number in 2..12 {
            let known_network = from_address(&service, &format!("192.0.2.{number}"));
            login(&known_network, "grace@example.org", PASSWORD).ok(200);
            grace.refresh();
            grace.client().get("/v1/account").ok(200);
        }
        attackers
            .into_iter()
            .flat_map(|attacker| attacker.join().unwrap())
            .collect()
    });
    let verified = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(verified, 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 995);
    login(&known_network, "grace@example.org", PASSWORD).ok(200);
    let unknown_network = from_address(&service, "198.51.100.1");
    login(&unknown_network, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    // The limit of the owner's network applies as well.
    for _ in 0..5 {
        login(&known_network, "grace@example.org", WRONG).problem(401, "invalid-credentials");
    }
    login(&known_network, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    grace.try_refresh().ok(200);
}

fn concurrent_first_logins_succeed(database: &Database) {
    let service = Service::on(database);
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

fn unlocking_by_an_administrator_resets_every_network(database: &Database) {
    let service = Launch::on(database)
        .set("server.trusted_proxies", "127.0.0.1/32")
        .start();
    let admin = service.admin();
    register(&service.client(), "grace@example.org");
    let networks = ["2001:db8:7::1", "203.0.113.1"].map(|address| from_address(&service, address));
    let grace = TestUser::login(&networks[0], "grace@example.org", PASSWORD);
    for network in &networks {
        for _ in 0..5 {
            login(network, "grace@example.org", WRONG).problem(401, "invalid-credentials");
        }
        login(network, "grace@example.org", PASSWORD).problem(429, "too-many-attempts");
    }
    admin
        .client()
        .post_empty(&format!("{}/unlock", grace.path()))
        .is_empty(204);
    for network in &networks {
        login(network, "grace@example.org", PASSWORD).ok(200);
    }
}
