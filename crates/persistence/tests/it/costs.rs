//! What every use case costs the database: its statements, exactly. What is not measured in time does not depend on the
//! machine, and a statement too many shows here before anybody waits for it.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::time::Duration;

use doorward_application::{
    AccountDraft, ChangePassword, CompleteSetup, CreateUser, CreateUserAsOperator, DeleteAccount, DeleteUser,
    EndOtherSessions, EndSession, EndUserSessions, IssueSetupToken, ListEvents, ListKeys, ListSessions,
    ListUsers, Logout, LogoutEverywhere, Register, SetRoles, Sweep, UnlockUser, UpdateAccount, UpdateUser,
    ViewAccount, ViewUser,
};
use doorward_domain::access::ReadUser;
use doorward_domain::account::Roles;
use doorward_domain::account::UserFilter;
use doorward_domain::account::UserStatus;
use doorward_domain::audit::EventFilter;
use doorward_domain::context::RequestContext;
use doorward_domain::key::KeyPolicy;
use doorward_domain::patch::Patch;
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::{FakeRefreshTokens, assert_golden};
use secrecy::SecretString;

use crate::desk::{Desk, PASSWORD};
use crate::statements;

const PAGE: &str = "docs/costs.md";

const INTRODUCTION: &str = "\
# What a request costs the database

Made by a test (`crates/persistence/tests/it/costs.rs`), which fails when a use case costs anything else than it says here.
`UPDATE_GOLDEN=1 cargo test -p doorward-persistence costs` writes it anew, with a PostgreSQL server at hand.

A *commit* is one that follows a statement that may write: the database answers it once it is on the disk. On PostgreSQL each
statement is a round trip, those that begin and end a transaction too. What takes a lock names it. Checking an access token
costs nothing here, and comes before everything that a bearer may do.
";

/// A use case, and what it ran.
type Cost = (&'static str, Vec<String>);

#[test]
fn every_use_case_costs_what_the_table_says() {
    statements::listen();
    let sqlite = costs_on(&TestDatabase::sqlite());
    let mut page = format!("{INTRODUCTION}\n## SQLite\n\n{}", table(&sqlite));
    page.push_str("\n## PostgreSQL\n\n");
    match TestDatabase::postgres() {
        Some(database) => page.push_str(&table(&costs_on(&database))),
        // Without a server that part cannot be tried, and is taken as it stands.
        None => page.push_str(&postgres_part()),
    }
    assert_golden(PAGE, &page);
}

fn postgres_part() -> String {
    let path = format!("{}/../../{PAGE}", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap_or_default();
    let part = page.split_once("## PostgreSQL\n\n");
    part.map(|(_, part)| part.to_owned()).unwrap_or_default()
}

fn costs_on(database: &TestDatabase) -> Vec<Cost> {
    let store = database.open();
    let costs = costs(&store);
    for (_, statements) in &costs {
        statements::assert_none_scans(database, statements);
    }
    costs
}

/// Runs every use case and notes what it runs.
fn costs(store: &Database) -> Vec<Cost> {
    let desk = Desk::over(store);
    let mut costs = Vec::new();
    first_start(&desk, &mut costs);
    visitors(&desk, &mut costs);
    sessions(&desk, &mut costs);
    account(&desk, &mut costs);
    administration(&desk, &mut costs);
    operation(&desk, &mut costs);
    costs
}

/// Does something, and notes what it ran.
fn note<T>(costs: &mut Vec<Cost>, name: &'static str, task: impl FnOnce() -> T) -> T {
    statements::start();
    let result = task();
    costs.push((name, statements::stop()));
    result
}

fn first_start(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let (store, entropy) = (desk.store, &desk.entropy);
    let token = SecretString::from("a setup token that is long enough");
    let offer = IssueSetupToken { store, entropy };
    note(costs, "offer the setup", || offer.execute(Some(&token))).expect("an offer");
    let draft = desk.draft();
    let complete = CompleteSetup {
        store,
        rules: desk.rules(),
    };
    note(costs, "complete the setup", || {
        complete.execute(&token, &draft, &desk.now())
    })
    .expect("an account");
}

fn visitors(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let draft = desk.draft();
    let register = |draft: &AccountDraft| {
        let (store, rules) = (desk.store, desk.rules());
        Register { store, rules }.execute(draft.clone(), &desk.now())
    };
    note(costs, "register", || register(&draft)).expect("an account");
    note(costs, "register, address taken", || register(&draft)).expect_err("an address that is taken");
    let email = &draft.email;
    note(costs, "login, first", || desk.login(email, PASSWORD)).expect("a login");
    note(costs, "login", || desk.login(email, PASSWORD)).expect("a login");
    note(costs, "login, unknown address", || {
        desk.login("nobody@example.org", PASSWORD)
    })
    .expect_err("nobody");
    let guess = || desk.login(email, "a wrong password");
    note(costs, "login, wrong password", guess).expect_err("a wrong password");
    note(costs, "login, after a wrong password", || {
        desk.login(email, PASSWORD)
    })
    .expect("a login");
    while !matches!(guess(), Err(error) if error.to_string().contains("too many")) {}
    note(costs, "login, refused for too many attempts", guess).expect_err("too many");
}

fn sessions(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let person = desk.someone();
    let (token, now) = (person.refresh_token(), desk.now());
    let elsewhere = RequestContext {
        ip: "2001:db8::7".parse::<IpAddr>().ok(),
        ..desk.now()
    };
    note(costs, "refresh", || desk.refresh(&token, &now)).expect("a refresh");
    let pair = note(costs, "refresh, repeated", || desk.refresh(&token, &now)).expect("the same successor");
    let next = SecretString::from(pair.refresh_token.expose());
    note(costs, "refresh, from elsewhere", || {
        desk.refresh(&next, &elsewhere)
    })
    .expect("a refresh");
    desk.clock.advance(Duration::from_secs(60));
    let replayed = note(costs, "refresh, replayed", || desk.refresh(&token, &desk.now()));
    assert!(replayed.is_none());
    let ended = note(costs, "refresh, of an ended session", || {
        desk.refresh(&token, &desk.now())
    });
    assert!(ended.is_none());
    let garbage = note(costs, "refresh, no token at all", || {
        desk.refresh(&"dwr_garbage".into(), &desk.now())
    });
    assert!(garbage.is_none());

    let person = desk.someone();
    let logout = Logout {
        store: desk.store,
        refresh_tokens: &FakeRefreshTokens,
        entropy: &desk.entropy,
    };
    let end_it = || logout.execute(&person.refresh_token(), &desk.now());
    note(costs, "logout", end_it).expect("a logout");
    note(costs, "logout, again", end_it).expect("a logout");

    let person = desk.someone();
    note(costs, "me", || desk.principal(&person.pair));
    let (store, entropy, caller) = (desk.store, &desk.entropy, desk.granted(&person.pair));
    let list = ListSessions {
        store,
        policy: &desk.policy,
    };
    note(costs, "list own sessions", || list.own(&caller, desk.clock.now())).expect("sessions");
    let other = desk.login(&person.email, PASSWORD).expect("a login");
    let end = EndSession {
        store,
        policy: &desk.policy,
        entropy,
    };
    note(costs, "end a session", || {
        end.execute(&caller, other.session_id, &desk.now())
    })
    .expect("an end");
    desk.login(&person.email, PASSWORD).expect("a login");
    let end_others = EndOtherSessions { store, entropy };
    note(costs, "end the other sessions, of two", || {
        end_others.execute(&caller, &desk.now())
    })
    .expect("an end");
    desk.login(&person.email, PASSWORD).expect("a login");
    let everywhere = LogoutEverywhere { store, entropy };
    note(costs, "logout everywhere, of two sessions", || {
        everywhere.execute(&caller, &desk.now())
    })
    .expect("a logout");
}

fn account(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let person = desk.someone();
    let (store, entropy, caller) = (desk.store, &desk.entropy, desk.granted(&person.pair));
    note(costs, "view the account", || {
        ViewAccount { store }.execute(&caller)
    })
    .expect("an account");
    let update = UpdateAccount { store, entropy };
    let rename = || update.execute(&caller, Patch::To(Some("Grace")), &desk.now());
    note(costs, "change the name", rename).expect("an account");
    note(costs, "change the name to what it is", rename).expect("an account");
    let change = ChangePassword {
        check: desk.check(),
        rules: desk.rules(),
    };
    let (current, new) = (
        SecretString::from(PASSWORD),
        SecretString::from("another long password"),
    );
    let change_password = |current, new| change.execute(&caller, current, new, &desk.now());
    note(costs, "change the password, wrong", || {
        change_password(&new, &current)
    })
    .expect_err("a wrong password");
    note(costs, "change the password", || change_password(&current, &new)).expect("a change");
    let delete = DeleteAccount { check: desk.check() };
    note(costs, "delete the account", || {
        delete.execute(&caller, &new, &desk.now())
    })
    .expect("a deletion");
}

fn administration(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let (store, entropy) = (desk.store, &desk.entropy);
    let draft = desk.draft();
    let create = CreateUserAsOperator {
        store,
        rules: desk.rules(),
    };
    note(costs, "make an administrator, by command", || {
        create.execute(&draft, Roles::admin(), &desk.now())
    })
    .expect("an account");
    let admin = desk.login(&draft.email, PASSWORD).expect("a login");
    let draft = desk.draft();
    let create = CreateUser {
        store,
        rules: desk.rules(),
    };
    let granted = desk.granted(&admin);
    let user = note(costs, "create a user", || {
        create.execute(&granted, &draft, None, &desk.now())
    })
    .expect("a user");
    desk.login(&draft.email, PASSWORD).expect("a login");
    let page = |filter: &UserFilter| ListUsers { store }.execute(&desk.granted(&admin), filter, None, 20);
    note(costs, "list users", || page(&UserFilter::default())).expect("a page");
    let events = || {
        let filter = EventFilter::default();
        ListEvents { store }.execute(&desk.granted(&admin), &filter, None, 20)
    };
    note(costs, "list the audit log", events).expect("a page");
    let on_id = desk
        .principal(&admin)
        .authorize_on::<ReadUser>(Some(user.id))
        .expect("the permission");
    note(costs, "view a user", || ViewUser { store }.execute(&on_id)).expect("a user");
    let list = ListSessions {
        store,
        policy: &desk.policy,
    };
    let reader = desk.granted(&admin);
    note(costs, "list a user's sessions", || {
        list.of_user(&reader, user.id, desk.clock.now())
    })
    .expect("sessions");
    let update = UpdateUser { store, entropy };
    let rename = || {
        update.execute(
            &granted,
            user.id,
            Patch::To(Some("Ada")),
            Patch::Keep,
            &desk.now(),
        )
    };
    note(costs, "rename a user", rename).expect("a user");
    let assigner = desk.granted(&admin);
    let roles = ["billing".to_owned(), "user".to_owned()];
    let set_roles = || SetRoles { store, entropy }.execute(&assigner, user.id, &roles, &desk.now());
    note(costs, "set a user's roles", set_roles).expect("a user");
    let end = EndUserSessions { store, entropy };
    note(costs, "end a user's sessions, of one", || {
        end.execute(&granted, user.id, &desk.now())
    })
    .expect("an end");
    let disabled = Patch::To(UserStatus::Disabled);
    let disable = || update.execute(&granted, user.id, Patch::Keep, disabled, &desk.now());
    note(costs, "disable a user", disable).expect("a user");
    let unlock = UnlockUser {
        store,
        attempt_keys: &doorward_testkit::FakeAttemptKeys,
        entropy,
    };
    note(costs, "unlock a user", || {
        unlock.execute(&granted, user.id, &desk.now())
    })
    .expect("an account");
    let attempt_keys = &doorward_testkit::FakeAttemptKeys;
    let delete = DeleteUser {
        store,
        attempt_keys,
        entropy,
    };
    note(costs, "delete a user", || {
        delete.execute(&granted, user.id, &desk.now())
    })
    .expect("a deletion");
}

fn operation(desk: &Desk<'_>, costs: &mut Vec<Cost>) {
    let store = desk.store;
    let follow = || store.snapshot(|repos| -> StoreResult<_> { repos.revocations().after(0, 1000) });
    note(costs, "follow what was revoked, four times a second", follow).expect("revocations");
    note(costs, "readiness", || store.check()).expect("a store that is ready");
    let policy = KeyPolicy {
        rotate_every: Duration::from_secs(7_776_000),
        access_life: Duration::from_secs(905),
        refresh_life: Duration::from_secs(2_592_000),
    };
    note(costs, "list keys", || {
        ListKeys {
            store,
            policy: &policy,
        }
        .execute(desk.clock.now())
    })
    .expect("keys");
    let sweep = Sweep {
        store,
        revocation_life: Duration::from_secs(905),
        event_life: Duration::from_secs(365 * 86_400),
    };
    note(costs, "sweep, with nothing due", || {
        sweep.execute(desk.clock.now())
    })
    .expect("a sweep");
}

fn table(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| use case | transactions | statements | commits | what is run |\n|---|---|---|---|---|\n",
    );
    for (name, statements) in costs {
        let shorts: Vec<_> = statements.iter().map(|sql| short(sql)).collect();
        let transactions = shorts.iter().filter(|short| *short == "begin").count();
        // A transaction that wrote is one that the database has to bring to the disk.
        let mut commits = 0;
        let mut wrote = false;
        for short in &shorts {
            wrote |= ["insert", "update", "delete"]
                .iter()
                .any(|verb| short.starts_with(verb));
            if short == "commit" && wrote {
                commits += 1;
            }
            wrote &= !matches!(short.as_str(), "begin" | "commit" | "rollback");
        }
        let run = shorts
            .join(", ")
            .replace("commit, ", "commit; ")
            .replace("rollback, ", "rollback; ");
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {name} | {transactions} | {} | {commits} | {run} |",
            statements.len()
        );
    }
    text
}

/// A statement in a few words: what it does, and to which table.
fn short(sql: &str) -> String {
    let plain = sql.replace(['`', '"'], "");
    let words: Vec<_> = plain.split_whitespace().collect();
    let after = |keyword: &str| {
        let place = words.iter().position(|word| *word == keyword);
        let table = place.and_then(|place| words.get(place + 1));
        table
            .map(|table| table.trim_matches(['(', ')']))
            .unwrap_or_default()
            .to_owned()
    };
    match words.first().copied().unwrap_or_default() {
        "BEGIN" => "begin".to_owned(),
        "COMMIT" => "commit".to_owned(),
        "ROLLBACK" => "rollback".to_owned(),
        "SELECT" if plain.contains("pg_advisory_xact_lock") => "lock".to_owned(),
        "SELECT" if plain.contains(" FOR ") => format!("lock {}", after("FROM")),
        "SELECT" => format!("select {}", after("FROM")),
        "INSERT" => format!("insert {}", after("INTO")),
        "UPDATE" => format!("update {}", words.get(1).copied().unwrap_or_default()),
        "DELETE" => format!("delete {}", after("FROM")),
        _ => sql.to_owned(),
    }
}
