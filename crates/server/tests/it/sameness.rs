//! Lesson 11: what a login that fails tells about the account, in words and in time.

use std::io::Write;
use std::time::{Duration, Instant};

use doorward_domain::entropy::Entropy;
use doorward_testkit::SeededEntropy;
use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::client::{Answer, Client};
use crate::people::{PASSWORD, login, register, text};
use crate::service::{Launch, Service};

on_both!(
    unknown_wrong_and_disabled_take_the_same_time,
    locked_accounts_take_the_same_time_whether_or_not_there_are_any,
);

const WRONG: &str = "a wrong password";
const UNKNOWN: &str = "ursula@example.org";
const KNOWN: &str = "winona@example.org";
const DISABLED: &str = "dorian@example.org";

/// How often each of them is tried. By chance alone the area under the curve then strays from a half by some 0.02.
const ROUNDS: usize = 400;

/// What differs from one answer to the next whomever it is about.
const VARYING: [&str; 3] = ["x-request-id", "date", "retry-after"];

/// A service that refuses nobody's guesses unless it is told to, with hashes that are cheap but take their time.
fn launch(backing: &Backing) -> Launch {
    Launch::on(backing)
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

/// Logs in and measures how long the answer takes.
#[expect(
    clippy::disallowed_methods,
    reason = "the time that an answer takes is what is measured"
)]
fn time(client: &Client, email: &str, password: &str) -> (Answer, Duration) {
    let since = Instant::now();
    let answer = login(client, email, password);
    (answer, since.elapsed())
}

/// An answer without what differs whomever it is about.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let headers = answer
        .header_names()
        .into_iter()
        .filter(|name| !VARYING.contains(name) && !name.starts_with("ratelimit"))
        .map(|name| (name.to_owned(), answer.header(name).unwrap().to_owned()))
        .collect();
    let mut body = answer.body();
    body["request_id"] = Value::Null;
    (answer.status, headers, body)
}

/// Tries each of these again and again, in an order that is drawn anew each time, and gives the times that each took. All
/// answers must be this problem, and say the same.
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
            let (answer, time) = time(&client, email, password);
            answer.problem(problem.0, problem.1);
            let told = told(&answer);
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

fn unknown_wrong_and_disabled_take_the_same_time(backing: &Backing) {
    let service = launch(backing).start();
    people(&service);
    let tries = [(UNKNOWN, WRONG), (KNOWN, WRONG), (DISABLED, PASSWORD)];
    let [unknown, wrong, disabled] = measure(&service, tries, (401, "invalid-credentials"));
    assert_alike("unknown and wrong", &unknown, &wrong);
    assert_alike("wrong and disabled", &wrong, &disabled);
    assert_alike("unknown and disabled", &unknown, &disabled);
}

fn locked_accounts_take_the_same_time_whether_or_not_there_are_any(backing: &Backing) {
    let service = launch(backing)
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
fn the_area_tells_what_takes_longer() {
    let times = |from: u64| -> Vec<Duration> { (from..from + 100).map(Duration::from_micros).collect() };
    assert!((area(&times(0), &times(0)) - 0.5).abs() < 1e-9);
    assert!(area(&times(0), &times(1000)) > 0.99);
    assert!(area(&times(1000), &times(0)) < 0.01);
    assert!((0.6..0.8).contains(&area(&times(0), &times(20))));
}
