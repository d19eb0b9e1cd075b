//! How long an access token is accepted on another instance after its session has ended.

use std::thread;

use crate::harness::database::Database;
use crate::harness::measure::{Micros, Stopwatch, print_uncaptured};
use crate::harness::service::Service;
use crate::harness::users::register;
use crate::harness::users::{PASSWORD, TestUser};

const CLIENTS: usize = 4;
const SAMPLES_EACH: usize = 30;
const BOUND: Micros = 1_000_000;

/// Delays after the return of a logout.
struct Sample {
    /// Until the last accepted request to the other instance was sent.
    last_accepted: Micros,
    /// Until the first refusal was received.
    first_refused: Micros,
}

#[test]
fn another_instance_rejects_the_access_token_within_a_second_of_logout() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let (here, there) = (Service::on(&database), Service::on(&database));
    let stopwatch = Stopwatch::start();
    let samples: Vec<Sample> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn({
                    let (here, there) = (&here, &there);
                    move || measure(here, there, stopwatch, number)
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    assert!(samples.len() >= 100);
    let sorted = |of: fn(&Sample) -> Micros| {
        let mut delays: Vec<_> = samples.iter().map(of).collect();
        delays.sort_unstable();
        delays
    };
    let describe = |delays: &[Micros]| {
        let at = |percent: usize| delays[(delays.len() - 1) * percent / 100] / 1000;
        format!("median {} ms, p99 {} ms, worst {} ms", at(50), at(99), at(100))
    };
    let (accepted, refused) = (
        sorted(|sample| sample.last_accepted),
        sorted(|sample| sample.first_refused),
    );
    print_uncaptured(&format!(
        "torture, a logout on the other instance, {} samples: last accepted after {}; first refused after {}",
        samples.len(),
        describe(&accepted),
        describe(&refused),
    ));
    assert!(*accepted.last().unwrap() <= BOUND, "{accepted:?}");
}

fn measure(here: &Service, there: &Service, stopwatch: Stopwatch, number: usize) -> Vec<Sample> {
    let email = format!("user-{number}@example.org");
    register(&here.client(), &email);
    let sample = |_| {
        let user = TestUser::login(&here.client(), &email, PASSWORD);
        let elsewhere = there.client().with_token(&user.access());
        elsewhere.get("/v1/auth/me").is(200);
        user.logout();
        let over = stopwatch.read();
        let mut last_accepted = over;
        loop {
            let asked = stopwatch.read();
            match elsewhere.get("/v1/auth/me").status {
                200 => last_accepted = asked,
                401 => break,
                other => panic!("{other}"),
            }
        }
        Sample {
            last_accepted: last_accepted - over,
            first_refused: stopwatch.read() - over,
        }
    };
    (0..SAMPLES_EACH).map(sample).collect()
}
