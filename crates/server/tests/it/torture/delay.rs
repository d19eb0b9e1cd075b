//! How long an access token outlives its session on another instance.

use std::thread;

use crate::backing::Backing;
use crate::measure::{Micros, Watch, say};
use crate::people::Person;
use crate::people::register;
use crate::service::Service;

const CLIENTS: usize = 4;
const SAMPLES_EACH: usize = 30;
const BOUND: Micros = 1_000_000;

/// How long after a logout had returned.
struct Sample {
    /// The last request that was let in on the other instance was made.
    last_accepted: Micros,
    /// The first one that was refused was answered.
    first_refused: Micros,
}

#[test]
fn a_logout_on_one_instance_is_known_on_the_other_within_a_second() {
    let Some(backing) = Backing::postgres() else {
        return;
    };
    let (here, there) = (Service::on(&backing), Service::on(&backing));
    let watch = Watch::start();
    let samples: Vec<Sample> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn({
                    let (here, there) = (&here, &there);
                    move || measure(here, there, watch, number)
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
    say(&format!(
        "torture, a logout on the other instance, {} samples: last accepted after {}; first refused after {}",
        samples.len(),
        describe(&accepted),
        describe(&refused),
    ));
    assert!(*accepted.last().unwrap() <= BOUND, "{accepted:?}");
}

fn measure(here: &Service, there: &Service, watch: Watch, number: usize) -> Vec<Sample> {
    let email = format!("user-{number}@example.org");
    register(&here.client(), &email);
    let sample = |_| {
        let person = Person::login(&here.client(), &email, crate::people::PASSWORD);
        let elsewhere = there.client().bearing(&person.access());
        elsewhere.get("/v1/auth/me").is(200);
        person.logout();
        let over = watch.read();
        let mut last_accepted = over;
        loop {
            let asked = watch.read();
            match elsewhere.get("/v1/auth/me").status {
                200 => last_accepted = asked,
                401 => break,
                other => panic!("{other}"),
            }
        }
        Sample {
            last_accepted: last_accepted - over,
            first_refused: watch.read() - over,
        }
    };
    (0..SAMPLES_EACH).map(sample).collect()
}
