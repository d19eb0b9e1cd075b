//! Lesson 11: what a login that fails tells about the account, in words and in time.

use std::io::Write;
use std::time::{Duration, Instant};

use doorward_domain::ports::Entropy;
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

/// How often each of them is tried. By chance alone the area under the curve then strays from a half by some 0.02.
const ROUNDS: usize = 400;

/// What differs from one response to the next whomever it is about.
const VARYING: [&str; 3] = ["x-request-id", "date", "retry-after"];

/// A service that refuses nobody's guesses unless it is told to, with hashes that are cheap but take their time.
fn launch(database: &Database) -> Launch {
    Launch::on(database)
        .set("password.argon2.memory_kib", "4096")
        .set("attempts.free", "1000000")
        .set("attempts.daily", "1000000")
}

/// Makes the two accounts, one of them disabled. Nobody has logged in to them.
fn people(service: &Service) {
    let admin = service.admin();
    register(&service.client(), KNOWN);
    let disabled = text(&register(&service.client(), DISABLED)["id"]);
    let path = format!("/v1/users/{disabled}");
    let disable = json!({"status": "disabled"});
    admin.client().json("PATCH", &path, &disable).ok(200);
}

/// Logs in and measures how long the response takes.
#[expect(
    clippy::disallowed_methods,
    reason = "the time that an response takes is what is measured"
)]
fn time(client: &Client, email: &str, password: &str) -> (Response, Duration) {
    let since = Instant::now();
    let response = login(client, email, password);
    (response, since.elapsed())
}

/// An response without what differs whomever it is about.
fn told(response: &Response) -> (u16, Vec<(String, String)>, Value) {
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

/// Tries each of these again and again, in an order that is drawn anew each time, and gives the times that each took. All
/// responses must be this problem, and say the same.
fn measure<const N: usize>(
    service: &Service,
    tries: [(&str, &str); N],
    problem: (u16, &str),
) -> [Vec<Duration>; N] {
    let (client, luck) = (service.client(), SeededEntropy::new(11));
    let mut times = [const { Vec::new() }; N];
    let mut expected = None;
    for round in 0..ROUNDS + 10 {
        let mut order: Vec<usize> = (0..N).collect();
        for place in 1..N {
            let mut drawn = [0];
            luck.fill(&mut drawn);
            order.swap(place, usize::from(drawn[0]) % (place + 1));
        }
        for number in order {
            let (email, password) = tries[number];
            let (response, time) = time(&client, email, password);
            response.problem(problem.0, problem.1);
            let told = told(&response);
            assert_eq!(expected.get_or_insert_with(|| told.clone()), &told, "{email}");
            // The first few find caches cold.
            if round >= 10 {
                times[number].push(time);
            }
        }
    }
    times
}

/// The area under the ROC curve: how likely it is that one of `others` took longer than one of `ones`. A half, if nothing
/// can be told from the times.
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

fn assert_alike(what: &str, ones: &[Duration], others: &[Duration]) {
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
    people(&service);
    let tries = [(UNKNOWN, WRONG), (KNOWN, WRONG), (DISABLED, PASSWORD)];
    let [unknown, wrong, disabled] = measure(&service, tries, (401, "invalid-credentials"));
    assert_alike("unknown and wrong", &unknown, &wrong);
    assert_alike("wrong and disabled", &wrong, &disabled);
    assert_alike("unknown and disabled", &unknown, &disabled);
}

fn locked_logins_take_the_same_time_whether_or_not_the_account_exists(database: &Database) {
    let service = launch(database)
        .set("attempts.free", "1")
        .set("attempts.first_wait", "24h")
        .set("attempts.max_wait", "24h")
        .start();
    people(&service);
    for email in [UNKNOWN, KNOWN, DISABLED] {
        login(&service.client(), email, WRONG).problem(401, "invalid-credentials");
    }
    let tries = [(UNKNOWN, WRONG), (KNOWN, PASSWORD), (DISABLED, PASSWORD)];
    let [unknown, known, disabled] = measure(&service, tries, (429, "too-many-attempts"));
    assert_alike("locked, unknown and known", &unknown, &known);
    assert_alike("locked, known and disabled", &known, &disabled);
}

#[test]
fn the_area_under_the_curve_detects_slower_samples() {
    let times = |from: u64| -> Vec<Duration> { (from..from + 100).map(Duration::from_micros).collect() };
    assert!((area(&times(0), &times(0)) - 0.5).abs() < 1e-9);
    assert!(area(&times(0), &times(1000)) > 0.99);
    assert!(area(&times(1000), &times(0)) < 0.01);
    assert!((0.6..0.8).contains(&area(&times(0), &times(20))));
}
