//! The pepper: what happens when it is missing or another one.

use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::{directory, run};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login};

on_both_databases!(
    a_missing_or_changed_pepper_is_refused_at_start,
    passwords_of_the_previous_pepper_verify_and_move_to_the_current_one,
    a_digest_that_cannot_be_verified_is_logged_as_an_error_and_costs_no_attempt,
);

const PEPPER: &str = "cGVwcGVyIGFuZCBzYWx0IGFuZCBzcGljZQ==";
const NEXT: &str = "YW5vdGhlciBwZXBwZXIgYWx0b2dldGhlcg==";

const CURRENT_KEY: &str = "DOORWARD_PASSWORD__PEPPER";
const PREVIOUS_KEY: &str = "DOORWARD_PASSWORD__PREVIOUS_PEPPER";

fn with(database: &Database, peppers: &[(&str, &str)]) -> Launch {
    peppers
        .iter()
        .fold(Launch::on(database), |launch, (name, value)| {
            launch.env(name, value)
        })
}

/// The reason with which a start is refused.
fn refused(launch: &Launch) -> String {
    let ended = run(launch.command(directory().path(), &["serve"]), "");
    assert_eq!(ended.status, 78, "{ended:?}");
    for secret in [PEPPER, NEXT] {
        assert!(!ended.stderr.contains(secret), "{ended:?}");
    }
    ended.stderr.lines().last().unwrap().to_owned()
}

fn end(mut service: Service) {
    assert!(service.terminate().success());
}

fn a_missing_or_changed_pepper_is_refused_at_start(database: &Database) {
    let service = with(database, &[(CURRENT_KEY, PEPPER)]).start();
    let grace = service.new_user("grace");
    end(service);
    for wrong in [&[][..], &[(CURRENT_KEY, NEXT)], &[(PREVIOUS_KEY, NEXT)]] {
        let line = refused(&with(database, wrong));
        assert!(
            line.starts_with("doorward: configuration: password.pepper"),
            "{line}"
        );
        assert!(line.contains("password.previous_pepper"), "{line}");
    }
    let service = with(database, &[(CURRENT_KEY, PEPPER)]).start();
    login(&service.client(), &grace.email, PASSWORD).ok(200);
}

fn passwords_of_the_previous_pepper_verify_and_move_to_the_current_one(database: &Database) {
    // Without a pepper at first: one may be added at any time.
    let service = Service::on(database);
    let [ada, grace] = ["ada", "grace"].map(|name| service.new_user(name));
    end(service);
    let steps = [
        &[(CURRENT_KEY, PEPPER)][..],
        &[(CURRENT_KEY, NEXT), (PREVIOUS_KEY, PEPPER)],
        &[(CURRENT_KEY, NEXT)],
        // And removed again.
        &[(PREVIOUS_KEY, NEXT)],
        &[],
    ];
    for peppers in steps {
        let service = with(database, peppers).start();
        login(&service.client(), &grace.email, "a wrong password").problem(401, "invalid-credentials");
        login(&service.client(), &grace.email, PASSWORD).ok(200);
        end(service);
    }
    let service = Service::on(database);
    login(&service.client(), &ada.email, PASSWORD).ok(200);
}

fn a_digest_that_cannot_be_verified_is_logged_as_an_error_and_costs_no_attempt(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let broken =
        "UPDATE users SET password_digest = replace(password_digest, ',p=1$', ',p=1,keyid=AQIDBAUGBwg$')";
    assert_eq!(database.test_database().execute(broken), 1);
    for _ in 0..8 {
        login(&service.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");
    }
    let log = service.log();
    let errors = log
        .lines()
        .filter(|line| line.contains("\"ERROR\"") && line.contains("password digest"))
        .count();
    assert_eq!(errors, 8, "{log}");
}
