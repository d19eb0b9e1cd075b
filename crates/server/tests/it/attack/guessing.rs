//! Guessing passwords: of one account from everywhere, of one account at once, one password for many accounts.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::client::Answer;
use crate::measure::{Micros, Watch};
use crate::people::PASSWORD;

use super::report::{Row, Tally};
use super::stage::Stage;
use super::stranger::{Stranger, crowd};

/// Guesses at one account that cost nothing.
pub const FREE: usize = 5;
/// The wait after the last of them, in seconds; it doubles with each one after that.
const FIRST_WAIT: u64 = 30;
/// What one address may try at once, and the seconds after which it may once more.
const BURST: usize = 10;
const REFILL: u64 = 6;

/// What a guess is answered with, looked at or not.
const ANSWERS: [(u16, &str); 3] = [
    (401, "invalid-credentials"),
    (429, "too-many-attempts"),
    (503, "overloaded"),
];

/// How many guesses at one account may be verified within this time, however many are made.
pub fn allowed(time: Micros) -> usize {
    let (mut allowed, mut wait) = (FREE, FIRST_WAIT);
    let mut seconds = time / 1_000_000;
    while seconds >= wait {
        allowed += 1;
        seconds -= wait;
        wait *= 2;
    }
    allowed
}

fn seconds(time: Micros) -> String {
    format!("{}.{} s", time / 1_000_000, time % 1_000_000 / 100_000)
}

/// How many guesses at anybody were verified and found wrong, as the audit log has it.
fn verified(stage: &Stage<'_>) -> usize {
    stage.number("SELECT count(*) AS answer FROM events WHERE kind = 'login.failed'")
}

/// Guesses at one account, each from another address, the right one among them.
pub fn from_everywhere(stage: &Stage<'_>) -> Vec<Row> {
    const ATTACK: &str = "guesses at one account from everywhere";
    let service = stage.launch_at_full_cost().start();
    let mut victim = service.person("guessed-from-everywhere");
    let email = victim.email.clone();
    let count = 300 * stage.scale;
    let mut dice = stage.dice();
    // Not among the first ones, which are verified: who is lucky at once is not kept out by counting.
    let hidden = 50 + dice.below(count - 50);
    let strangers: Vec<_> = (0..count)
        .map(|_| Stranger::anywhere(&mut dice, service.address()))
        .collect();
    let addresses: HashSet<_> = strangers.iter().map(|stranger| stranger.from).collect();
    let watch = Watch::start();
    let verified_before = verified(stage);
    let mut lived = 0;
    let answers: Vec<Answer> = thread::scope(|scope| {
        let guesses = scope.spawn(|| {
            crowd(16, count, |number| {
                let guess = format!("the guess of number {number}");
                let password = if number == hidden { PASSWORD } else { &guess };
                strangers[number].login(&email, password)
            })
        });
        while !guesses.is_finished() {
            victim.refresh();
            victim.client().get("/v1/auth/me").ok(200);
            lived += 1;
            thread::sleep(Duration::from_millis(500));
        }
        guesses.join().unwrap()
    });
    let time = watch.read();
    victim.refresh();
    let (tally, allowed) = (Tally::of(&answers), allowed(time));
    let told = tally.count(401, "invalid-credentials");
    let logged = verified(stage) - verified_before;
    vec![
        Row::new(
            ATTACK,
            format!("{FREE} to {allowed} verified in {}", seconds(time)),
            format!(
                "{tally}, {logged} verified by the audit log; {} addresses, {} guesses a second",
                addresses.len(),
                u64::try_from(count).unwrap() * 1_000_000 / time,
            ),
            tally.is_only(&ANSWERS) && told == logged && (FREE..=allowed).contains(&told),
        ),
        Row::new(
            ATTACK,
            "the right password is among them and not found",
            format!("guess {hidden} of {count} was right: {}", answers[hidden].status),
            answers[hidden].status != 200 && tally.count(200, "") == 0,
        ),
        Row::new(
            ATTACK,
            "the victim's session goes on",
            format!("{lived} times refresh and me meanwhile, all 200"),
            lived > 0,
        ),
    ]
}

/// A hundred guesses at one account at the same moment, at two instances.
pub fn at_once(stage: &Stage<'_>) -> Vec<Row> {
    const GUESSES: usize = 100;
    let services = [
        stage.launch_at_full_cost().start(),
        stage.launch_at_full_cost().start(),
    ];
    let mut dice = stage.dice();
    let (mut worst, mut all_hold, mut last) = (0, true, String::new());
    for round in 0..stage.scale {
        let email = format!("guessed-at-once-{round}@example.org");
        let strangers: Vec<_> = (0..GUESSES)
            .map(|number| Stranger::anywhere(&mut dice, services[number % 2].address()))
            .collect();
        strangers[0].register(&email, PASSWORD).ok(201);
        let (watch, start) = (Watch::start(), Barrier::new(GUESSES));
        let answers = crowd(GUESSES, GUESSES, |number| {
            start.wait();
            strangers[number].login(&email, &format!("the guess of number {number}"))
        });
        let tally = Tally::of(&answers);
        let verified = tally.count(401, "invalid-credentials");
        all_hold &= tally.is_only(&ANSWERS) && (FREE..=allowed(watch.read())).contains(&verified);
        worst = worst.max(verified);
        last = tally.to_string();
    }
    vec![Row::new(
        "100 guesses at one account at once, at two instances",
        format!("{FREE} verified"),
        format!("at most {worst} in {} rounds; the last: {last}", stage.scale),
        all_hold,
    )]
}

/// One password that many have, tried at many accounts, from one address and from many.
pub fn one_password_for_all(stage: &Stage<'_>) -> Vec<Row> {
    let accounts = (60 * stage.scale).min(500);
    // Few addresses in an ordinary run: what each may try is hashed.
    let addresses = (10 * stage.scale).min(50);
    let spray = |attack, network: u8, addresses: usize, each: usize| {
        let service = stage.launch().start();
        let watch = Watch::start();
        let answers = crowd(16, addresses * each, |number| {
            let host = u8::try_from(1 + number % addresses).unwrap();
            let email = format!("sprayed-from-{network}-{number}@example.org");
            Stranger::at([127, 201, network, host], service.address()).login(&email, "Password123!")
        });
        let time = watch.read();
        let allowed_each = BURST + usize::try_from(time / 1_000_000 / REFILL).unwrap() + 1;
        let tally = Tally::of(&answers);
        let tried = tally.count(401, "invalid-credentials");
        Row::new(
            attack,
            format!("an address tries {BURST} to {allowed_each}"),
            format!(
                "{tried} of {} accounts tried, from {addresses} in {}: {tally}",
                addresses * each,
                seconds(time)
            ),
            tally.is_only(&[(401, "invalid-credentials"), (429, "rate-limited")])
                && (BURST * addresses..=allowed_each * addresses).contains(&tried),
        )
    };
    vec![
        spray("one password, many accounts, one address", 1, 1, accounts),
        spray(
            "one password, many accounts, many addresses",
            2,
            addresses,
            2 * BURST,
        ),
    ]
}
