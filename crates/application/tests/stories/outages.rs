//! An outage at every step of every use case, and transactions that are run again.
//!
//! An outage must look like one, never like a wrong password or a bad token, and must leave nothing half-done. Of a use
//! case with several transactions, what an earlier one has kept may stay: a guess that was counted, or forgiven.

use crate::scenarios::{self, Scenario};
use crate::world::{Fault, PASSWORD, Picture, World, is_outage, outage, outcome};

/// Whose guesses are looked at.
const GUESSED: [&str; 2] = ["ada", "root"];

/// More transactions than any use case has, and more statements than any of them.
const MANY: u32 = 20;

/// Whether the guesses remembered are what they were, or counted or forgiven by this one use case.
fn guesses_are_consistent(before: &Picture, after: &Picture) -> bool {
    before
        .attempts
        .iter()
        .zip(&after.attempts)
        .all(|(before, after)| {
            let failures = before.map_or(0, |record| record.failures);
            after.is_none_or(|after| after.failures == failures || after.failures == failures + 1)
        })
}

/// Runs a use case with this fault and looks at what is left. Answers whether the fault was felt, and how many
/// transactions there were.
fn run_with_fault(scenario: &Scenario, transaction: u32, fault: Fault) -> (bool, u32) {
    let what = format!("{}, transaction {transaction}, {fault:?}", scenario.name);
    let world = World::new();
    let act = (scenario.prepare)(&world);
    let before = world.picture(&GUESSED);
    world.store.fail_in(transaction, fault);
    let outcome = act();
    let report = world.store.mend();
    if !is_outage(&outcome) {
        assert_eq!(outcome, scenario.outcome, "{what}");
        assert!(!report.failed, "{what}: an outage was passed over");
        return (false, report.begun);
    }
    let after = world.picture(&GUESSED);
    assert!(guesses_are_consistent(&before, &after), "{what}: {after:?}");
    let attempts = before.attempts.clone();
    assert_eq!(Picture { attempts, ..after }, before, "{what}");
    // When the store is back, everything goes as if nothing had been.
    assert_eq!(act(), scenario.outcome, "{what}, tried again");
    assert_eq!(
        world.told_since(before.events.len()),
        scenario.told,
        "{what}, tried again"
    );
    (true, report.begun)
}

#[test]
fn an_outage_at_any_step_is_told_as_one_and_leaves_nothing_half_done() {
    for scenario in scenarios::all() {
        let transactions = (0..MANY).take_while(|&transaction| try_transaction(scenario, transaction));
        let asks_the_store = scenario.name != "refresh with garbage";
        let expected = if asks_the_store { 1..5 } else { 0..1 };
        assert!(expected.contains(&transactions.count()), "{}", scenario.name);
    }
}

/// Lets a transaction fail in every way, one after the other. Answers whether there is such a transaction.
fn try_transaction(scenario: &Scenario, transaction: u32) -> bool {
    let (felt, begun) = run_with_fault(scenario, transaction, Fault::Begin);
    if begun <= transaction {
        return false;
    }
    assert!(felt, "{}: transaction {transaction} may fail", scenario.name);
    run_with_fault(scenario, transaction, Fault::Commit);
    let fails_after = |statements| run_with_fault(scenario, transaction, Fault::Statement(statements)).0;
    let steps = (0..MANY)
        .take_while(|&statements| fails_after(statements))
        .count();
    assert!((1..20).contains(&steps), "{}: {steps} steps", scenario.name);
    true
}

#[test]
fn a_transaction_that_is_run_again_changes_nothing() {
    for scenario in scenarios::all() {
        let [once, twice] = [World::new(), World::that_runs_work_again()].map(|world| {
            let outcome = (scenario.prepare)(&world)();
            assert_eq!(outcome, scenario.outcome, "{}", scenario.name);
            (world.told(), without_luck(world.picture(&GUESSED)))
        });
        assert_eq!(once, twice, "{}", scenario.name);
    }
}

/// The picture as text without what was drawn by luck, which is drawn anew when a transaction is run again: each id is
/// replaced by its place in the order of appearance.
fn without_luck(mut picture: Picture) -> String {
    picture.setup.token_digest = picture.setup.token_digest.map(|_| [0; 32]);
    let mut seen: Vec<String> = Vec::new();
    let text = format!("{picture:?}");
    let words = text.split_inclusive(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    let mut told = String::new();
    for word in words {
        let (id, rest) = word.split_at(word.len().min(36));
        if id.len() < 36 || id.matches('-').count() != 4 {
            told.push_str(word);
            continue;
        }
        let place = seen.iter().position(|known| known == id);
        let place = place.unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        });
        told.push('#');
        told.push_str(&place.to_string());
        told.push_str(rest);
    }
    told
}

#[test]
fn a_store_that_is_away_is_never_a_wrong_password_and_comes_back_by_itself() {
    let world = World::new();
    world.user("ada");
    let phone = world.enter("ada");
    world.store.memory.fail_with(Some(outage()));
    for _ in 0..20 {
        assert!(is_outage(&outcome(&world.login("ada", PASSWORD))));
        assert!(is_outage(&outcome(&world.refresh(&phone))));
    }
    world.store.memory.fail_with(None);
    assert!(world.refresh(&phone).is_ok());
    assert!(world.login("ada", PASSWORD).is_ok());
}
