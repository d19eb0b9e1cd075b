//! An outage at every step of every use case, and transactions that are rerun.
//!
//! An outage must be reported as one, never as a wrong password or an invalid token, and must leave no partial change.
//! Of a use case with several transactions, the effect of an earlier one may stay: an attempt that was counted or
//! reset.

use crate::scenarios::{self, Scenario};
use crate::story_app::{Fault, PASSWORD, Snapshot, StoryApp, is_outage, outage, outcome};

/// The addresses whose attempt records are compared.
const ATTEMPTED: [&str; 2] = ["ada", "root"];

/// More than the transactions of any use case, and than the statements of any transaction.
const MANY: u32 = 20;

/// Whether the attempt records are unchanged, or changed by one attempt.
fn attempts_are_consistent(before: &Snapshot, after: &Snapshot) -> bool {
    before
        .attempts
        .iter()
        .zip(&after.attempts)
        .all(|(before, after)| {
            let failures = before.map_or(0, |record| record.failures);
            after.is_none_or(|after| after.failures == failures || after.failures == failures + 1)
        })
}

/// Runs a use case with this fault and checks the state afterwards. Returns whether the fault occurred, and the number
/// of transactions.
fn run_with_fault(scenario: &Scenario, transaction: u32, fault: Fault) -> (bool, u32) {
    let what = format!("{}, transaction {transaction}, {fault:?}", scenario.name);
    let world = StoryApp::new();
    let run = (scenario.prepare)(&world);
    let before = world.snapshot_with_attempts(&ATTEMPTED);
    world.store.fail_in(transaction, fault);
    let outcome = run();
    let report = world.store.mend();
    if !is_outage(&outcome) {
        assert_eq!(outcome, scenario.outcome, "{what}");
        assert!(!report.failed, "{what}: an outage was ignored");
        return (false, report.begun);
    }
    let after = world.snapshot_with_attempts(&ATTEMPTED);
    assert!(attempts_are_consistent(&before, &after), "{what}: {after:?}");
    let attempts = before.attempts.clone();
    assert_eq!(Snapshot { attempts, ..after }, before, "{what}");
    // When the store is available again, the use case succeeds as usual.
    assert_eq!(run(), scenario.outcome, "{what}, tried again");
    assert_eq!(
        world.event_lines_since(before.events.len()),
        scenario.events,
        "{what}, tried again"
    );
    (true, report.begun)
}

#[test]
fn an_outage_at_any_step_is_reported_and_leaves_no_partial_change() {
    for scenario in scenarios::all() {
        let transactions = (0..MANY).take_while(|&transaction| try_transaction(scenario, transaction));
        let uses_the_store = scenario.name != "refresh with garbage";
        let expected = if uses_the_store { 1..6 } else { 0..1 };
        assert!(expected.contains(&transactions.count()), "{}", scenario.name);
    }
}

/// Fails a transaction in every way, one after the other. Returns whether there is such a transaction.
fn try_transaction(scenario: &Scenario, transaction: u32) -> bool {
    let (occurred, begun) = run_with_fault(scenario, transaction, Fault::Begin);
    if begun <= transaction {
        return false;
    }
    assert!(occurred, "{}: transaction {transaction} may fail", scenario.name);
    run_with_fault(scenario, transaction, Fault::Commit);
    let fails_after = |statements| run_with_fault(scenario, transaction, Fault::Statement(statements)).0;
    let steps = (0..MANY)
        .take_while(|&statements| fails_after(statements))
        .count();
    assert!((1..20).contains(&steps), "{}: {steps} steps", scenario.name);
    true
}

#[test]
fn rerunning_a_transaction_has_no_additional_effect() {
    for scenario in scenarios::all() {
        let [once, twice] = [StoryApp::new(), StoryApp::that_runs_work_again()].map(|world| {
            let outcome = (scenario.prepare)(&world)();
            assert_eq!(outcome, scenario.outcome, "{}", scenario.name);
            (
                world.event_lines(),
                without_random_values(world.snapshot_with_attempts(&ATTEMPTED)),
            )
        });
        assert_eq!(once, twice, "{}", scenario.name);
    }
}

/// The snapshot as text with each random id replaced by its order of appearance, because a rerun draws new ids.
fn without_random_values(mut snapshot: Snapshot) -> String {
    snapshot.setup.token_digest = snapshot.setup.token_digest.map(|_| [0; 32]);
    let mut seen: Vec<String> = Vec::new();
    let text = format!("{snapshot:?}");
    let words = text.split_inclusive(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    let mut normalized = String::new();
    for word in words {
        let (id, rest) = word.split_at(word.len().min(36));
        if id.len() < 36 || id.matches('-').count() != 4 {
            normalized.push_str(word);
            continue;
        }
        let place = seen.iter().position(|known| known == id);
        let place = place.unwrap_or_else(|| {
            seen.push(id.to_owned());
            seen.len() - 1
        });
        normalized.push('#');
        normalized.push_str(&place.to_string());
        normalized.push_str(rest);
    }
    normalized
}

#[test]
fn an_unavailable_store_is_never_reported_as_a_wrong_password_and_recovers() {
    let world = StoryApp::new();
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
