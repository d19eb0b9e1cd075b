//! A failed login reveals nothing about the account, neither in its response nor in its duration.

use std::io::Write;
use std::time::{Duration, Instant};

use doorward_domain::entropy::Entropy;
use doorward_testkit::SeededEntropy;
use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::database::{Database, on_both_databases};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login, register, text};

on_both_databases!(
    unknown_wrong_and_disabled_logins_take_the_same_time,
    locked_logins_take_the_same_time_whether_or_not_the_account_exists,
);

const WRONG: &str = "a wrong password";
const UNKNOWN: &str = "ursula@example.org";
const KNOWN: &str = "winona@example.org";
const DISABLED: &str = "dorian@example.org";

/// The number of attempts of each kind. By chance alone the area under the curve deviates from 0.5 by about 0.02.
const ROUNDS: usize = 400;

/// Headers that vary from one response to the next for any account.
const VARYING: [&str; 3] = ["x-request-id", "date", "retry-after"];

/// A service with practically unlimited attempts, and hashes that are cheap but take measurable time.
fn launch(database: &Database) -> Launch {
    Launch::on(database)
        .set("password.argon2.memory_kib", "4096")
        .set("attempts.free", "1000000")
        .set("attempts.daily", "1000000")
}

/// Registers two accounts and disables one of them. Neither has logged in before.
fn create_accounts(service: &Service) {
    let admin = service.admin();
    register(&service.client(), KNOWN);
    let disabled = text(&register(&service.client(), DISABLED)["id"]);
    let path = format!("/v1/users/{disabled}");
    let disable = json!({"status": "disabled"});
    admin.client().json("PATCH", &path, &disable).ok(200);
}

/// Logs in, and measures the duration.
#[expect(
    clippy::disallowed_methods,
    reason = "the time that a response takes is what is measured"
)]
fn time(client: &Client, email: &str, password: &str) -> (Response, Duration) {
    let since = Instant::now();
    let response = login(client, email, password);
    (response, since.elapsed())
}

/// The contents of a response without what varies for any account.
fn contents(response: &Response) -> (u16, Vec<(String, String)>, Value) {
    let headers = response
        .header_names()
        .into_iter()
        .filter(|name| !VARYING.contains(name) && !name.starts_with("ratelimit"))
        .map(|name| (name.to_owned(), response.header(name).unwrap().to_owned()))
        .collect();
    let mut body = response.body();
    body["request_id"] = Value::Null;
    (response.status, headers, body)
}

/// Sends each of the logins repeatedly, in random order, and returns the durations by login. All responses must be this
/// problem with the same contents.
fn measure<const N: usize>(
    service: &Service,
    tries: [(&str, &str); N],
    problem: (u16, &str),
) -> [Vec<Duration>; N] {
    let (client, entropy) = (service.client(), SeededEntropy::new(11));
    let mut times = [const { Vec::new() }; N];
    let mut expected = None;
    for round in 0..ROUNDS + 10 {
        let mut order: Vec<usize> = (0..N).collect();
        for place in 1..N {
            let mut drawn = [0];
            entropy.fill(&mut drawn);
            order.swap(place, usize::from(drawn[0]) % (place + 1));
        }
        for number in order {
            let (email, password) = tries[number];
            let (response, time) = time(&client, email, password);
            response.problem(problem.0, problem.1);
            let contents = contents(&response);
            assert_eq!(
                expected.get_or_insert_with(|| contents.clone()),
                &contents,
                "{email}"
            );
            // The first rounds find cold caches.
            if round >= 10 {
                times[number].push(time);
            }
        }
    }
    times
}

/// The area under the ROC curve: the probability that one of `others` took longer than one of `ones`. It is 0.5 if the
/// durations reveal nothing.
fn area(ones: &[Duration], others: &[Duration]) -> f64 {
    let longer: f64 = ones
        .iter()
        .flat_map(|this| others.iter().map(move |that| this.cmp(that)))
        .map(|order| match order {
            std::cmp::Ordering::Less => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Greater => 0.0,
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand pairs")]
    let pairs = (ones.len() * others.len()) as f64;
    longer / pairs
}

fn assert_indistinguishable(what: &str, ones: &[Duration], others: &[Duration]) {
    let median = |times: &[Duration]| {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    let area = area(ones, others);
    let _ = writeln!(
        std::io::stderr(),
        "{what}: AUC {area:.3}, medians {:?} and {:?}",
        median(ones),
        median(others)
    );
    assert!((0.40..=0.60).contains(&area), "{what}: {area}");
}

fn unknown_wrong_and_disabled_logins_take_the_same_time(database: &Database) {
    let service = launch(database).start();
    create_accounts(&service);
    let tries = [(UNKNOWN, WRONG), (KNOWN, WRONG), (DISABLED, PASSWORD)];
    let [unknown, wrong, disabled] = measure(&service, tries, (401, "invalid-credentials"));
    assert_indistinguishable("unknown and wrong", &unknown, &wrong);
    assert_indistinguishable("wrong and disabled", &wrong, &disabled);
    assert_indistinguishable("unknown and disabled", &unknown, &disabled);
}

fn locked_logins_take_the_same_time_whether_or_not_the_account_exists(database: &Database) {
    let service = launch(database)
        .set("attempts.free", "1")
        .set("attempts.first_wait", "24h")
        .set("attempts.max_wait", "24h")
        .start();
    create_accounts(&service);
    for email in [UNKNOWN, KNOWN, DISABLED] {
        login(&service.client(), email, WRONG).problem(401, "invalid-credentials");
    }
    let tries = [(UNKNOWN, WRONG), (KNOWN, PASSWORD), (DISABLED, PASSWORD)];
    let [unknown, known, disabled] = measure(&service, tries, (429, "too-many-attempts"));
    assert_indistinguishable("locked, unknown and known", &unknown, &known);
    assert_indistinguishable("locked, known and disabled", &known, &disabled);
}

#[test]
fn the_area_under_the_curve_detects_slower_samples() {
    let times = |from: u64| -> Vec<Duration> { (from..from + 100).map(Duration::from_micros).collect() };
    assert!((area(&times(0), &times(0)) - 0.5).abs() < 1e-9);
    assert!(area(&times(0), &times(1000)) > 0.99);
    assert!(area(&times(1000), &times(0)) < 0.01);
    assert!((0.6..0.8).contains(&area(&times(0), &times(20))));
}
