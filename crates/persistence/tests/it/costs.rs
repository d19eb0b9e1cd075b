//! What every use case costs the database, as its exact list of statements. Unlike times, these do not depend on the
//! machine, and an unnecessary statement shows before it slows anything down.

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

use crate::cost_table::{Cost, render};
use crate::test_app::{PASSWORD, TestApp};
use crate::{query_plans, statement_log};

const PAGE: &str = "docs/costs.md";

const INTRODUCTION: &str = "\
# What a request costs the database

Made by a test (`crates/persistence/tests/it/costs.rs`), which fails when a use case costs anything else than it says here.
`UPDATE_GOLDEN=1 cargo test -p doorward-persistence costs` writes it anew, with a PostgreSQL server at hand.

A *commit* is one that follows a statement that may write: the database answers it once it is on the disk. On PostgreSQL each
statement is a round trip, those that begin and end a transaction too. What takes a lock names it. Checking an access token
costs nothing here, and comes before everything that a bearer may do.
";

#[test]
fn every_use_case_costs_what_the_table_says() {
    statement_log::install();
    let sqlite = costs_on(&TestDatabase::sqlite());
    let mut page = format!("{INTRODUCTION}\n## SQLite\n\n{}", render(&sqlite));
    page.push_str("\n## PostgreSQL\n\n");
    match TestDatabase::postgres() {
        Some(database) => page.push_str(&render(&costs_on(&database))),
        // Without a server, that part is copied from the file.
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
        query_plans::assert_no_scans(database, statements);
    }
    costs
}

/// Runs every use case and records its statements.
fn costs(store: &Database) -> Vec<Cost> {
    let app = TestApp::new(store);
    let mut costs = Vec::new();
    setup(&app, &mut costs);
    registration_and_login(&app, &mut costs);
    sessions(&app, &mut costs);
    account(&app, &mut costs);
    administration(&app, &mut costs);
    background_work(&app, &mut costs);
    costs
}

/// Runs a task and adds its statements to the costs.
fn record<T>(costs: &mut Vec<Cost>, name: &'static str, task: impl FnOnce() -> T) -> T {
    statement_log::start();
    let result = task();
    costs.push((name, statement_log::stop()));
    result
}

fn setup(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let (store, entropy) = (app.store, &app.entropy);
    let token = SecretString::from("a setup token that is long enough");
    let issue = IssueSetupToken { store, entropy };
    record(costs, "offer the setup", || issue.execute(Some(&token))).expect("a setup token");
    let draft = app.draft();
    let complete = CompleteSetup {
        store,
        rules: app.account_rules(),
    };
    record(costs, "complete the setup", || {
        complete.execute(&token, &draft, &app.context())
    })
    .expect("an account");
}

fn registration_and_login(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let draft = app.draft();
    let register = |draft: &AccountDraft| {
        let (store, rules) = (app.store, app.account_rules());
        Register { store, rules }.execute(draft.clone(), &app.context())
    };
    record(costs, "register", || register(&draft)).expect("an account");
    record(costs, "register, address taken", || register(&draft)).expect_err("an address that is taken");
    let email = &draft.email;
    record(costs, "login, first", || app.login(email, PASSWORD)).expect("a login");
    record(costs, "login", || app.login(email, PASSWORD)).expect("a login");
    record(costs, "login, unknown address", || {
        app.login("nobody@example.org", PASSWORD)
    })
    .expect_err("nobody");
    let attempt = || app.login(email, "a wrong password");
    record(costs, "login, wrong password", attempt).expect_err("a wrong password");
    record(costs, "login, after a wrong password", || {
        app.login(email, PASSWORD)
    })
    .expect("a login");
    while !matches!(attempt(), Err(error) if error.to_string().contains("too many")) {}
    record(costs, "login, refused for too many attempts", attempt).expect_err("too many");
}

fn sessions(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let user = app.logged_in_user();
    let (token, now) = (user.refresh_token(), app.context());
    let elsewhere = RequestContext {
        ip: "2001:db8::7".parse::<IpAddr>().ok(),
        ..app.context()
    };
    record(costs, "refresh", || app.refresh(&token, &now)).expect("a refresh");
    let pair = record(costs, "refresh, repeated", || app.refresh(&token, &now)).expect("the same successor");
    let next = SecretString::from(pair.refresh_token.expose());
    record(costs, "refresh, from elsewhere", || {
        app.refresh(&next, &elsewhere)
    })
    .expect("a refresh");
    app.clock.advance(Duration::from_secs(60));
    let replayed = record(costs, "refresh, replayed", || app.refresh(&token, &app.context()));
    assert!(replayed.is_none());
    let ended = record(costs, "refresh, of an ended session", || {
        app.refresh(&token, &app.context())
    });
    assert!(ended.is_none());
    let garbage = record(costs, "refresh, no token at all", || {
        app.refresh(&"dwr_garbage".into(), &app.context())
    });
    assert!(garbage.is_none());

    let user = app.logged_in_user();
    let logout = Logout {
        store: app.store,
        refresh_tokens: &FakeRefreshTokens,
        entropy: &app.entropy,
    };
    let end_it = || logout.execute(&user.refresh_token(), &app.context());
    record(costs, "logout", end_it).expect("a logout");
    record(costs, "logout, again", end_it).expect("a logout");

    let user = app.logged_in_user();
    record(costs, "me", || app.principal(&user.pair));
    let (store, entropy, caller) = (app.store, &app.entropy, app.granted(&user.pair));
    let list = ListSessions {
        store,
        policy: &app.policy,
    };
    record(costs, "list own sessions", || list.own(&caller, app.clock.now())).expect("sessions");
    let other = app.login(&user.email, PASSWORD).expect("a login");
    let end = EndSession {
        store,
        policy: &app.policy,
        entropy,
    };
    record(costs, "end a session", || {
        end.execute(&caller, other.session_id, &app.context())
    })
    .expect("an end");
    app.login(&user.email, PASSWORD).expect("a login");
    let end_others = EndOtherSessions { store, entropy };
    record(costs, "end the other sessions, of two", || {
        end_others.execute(&caller, &app.context())
    })
    .expect("an end");
    app.login(&user.email, PASSWORD).expect("a login");
    let everywhere = LogoutEverywhere { store, entropy };
    record(costs, "logout everywhere, of two sessions", || {
        everywhere.execute(&caller, &app.context())
    })
    .expect("a logout");
}

fn account(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let user = app.logged_in_user();
    let (store, entropy, caller) = (app.store, &app.entropy, app.granted(&user.pair));
    record(costs, "view the account", || {
        ViewAccount { store }.execute(&caller)
    })
    .expect("an account");
    let update = UpdateAccount { store, entropy };
    let rename = || update.execute(&caller, Patch::To(Some("Grace")), &app.context());
    record(costs, "change the name", rename).expect("an account");
    record(costs, "change the name to what it is", rename).expect("an account");
    let change = ChangePassword {
        check: app.password_check(),
        rules: app.account_rules(),
    };
    let (current, new) = (
        SecretString::from(PASSWORD),
        SecretString::from("another long password"),
    );
    let change_password = |current, new| change.execute(&caller, current, new, &app.context());
    record(costs, "change the password, wrong", || {
        change_password(&new, &current)
    })
    .expect_err("a wrong password");
    record(costs, "change the password", || change_password(&current, &new)).expect("a change");
    let delete = DeleteAccount {
        check: app.password_check(),
    };
    record(costs, "delete the account", || {
        delete.execute(&caller, &new, &app.context())
    })
    .expect("a deletion");
}

fn administration(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let (store, entropy) = (app.store, &app.entropy);
    let draft = app.draft();
    let create = CreateUserAsOperator {
        store,
        rules: app.account_rules(),
    };
    record(costs, "make an administrator, by command", || {
        create.execute(&draft, Roles::admin(), &app.context())
    })
    .expect("an account");
    let admin = app.login(&draft.email, PASSWORD).expect("a login");
    let draft = app.draft();
    let create = CreateUser {
        store,
        rules: app.account_rules(),
    };
    let granted = app.granted(&admin);
    let user = record(costs, "create a user", || {
        create.execute(&granted, &draft, None, &app.context())
    })
    .expect("a user");
    app.login(&draft.email, PASSWORD).expect("a login");
    let page = |filter: &UserFilter| ListUsers { store }.execute(&app.granted(&admin), filter, None, 20);
    record(costs, "list users", || page(&UserFilter::default())).expect("a page");
    let events = || {
        let filter = EventFilter::default();
        ListEvents { store }.execute(&app.granted(&admin), &filter, None, 20)
    };
    record(costs, "list the audit log", events).expect("a page");
    let on_id = app
        .principal(&admin)
        .authorize_on::<ReadUser>(Some(user.id))
        .expect("the permission");
    record(costs, "view a user", || ViewUser { store }.execute(&on_id)).expect("a user");
    let list = ListSessions {
        store,
        policy: &app.policy,
    };
    let reader = app.granted(&admin);
    record(costs, "list a user's sessions", || {
        list.of_user(&reader, user.id, app.clock.now())
    })
    .expect("sessions");
    let update = UpdateUser { store, entropy };
    let rename = || {
        update.execute(
            &granted,
            user.id,
            Patch::To(Some("Ada")),
            Patch::Keep,
            &app.context(),
        )
    };
    record(costs, "rename a user", rename).expect("a user");
    let assigner = app.granted(&admin);
    let roles = ["billing".to_owned(), "user".to_owned()];
    let set_roles = || SetRoles { store, entropy }.execute(&assigner, user.id, &roles, &app.context());
    record(costs, "set a user's roles", set_roles).expect("a user");
    let end = EndUserSessions { store, entropy };
    record(costs, "end a user's sessions, of one", || {
        end.execute(&granted, user.id, &app.context())
    })
    .expect("an end");
    let disabled = Patch::To(UserStatus::Disabled);
    let disable = || update.execute(&granted, user.id, Patch::Keep, disabled, &app.context());
    record(costs, "disable a user", disable).expect("a user");
    let unlock = UnlockUser {
        store,
        attempt_keys: &doorward_testkit::FakeAttemptKeys,
        entropy,
    };
    record(costs, "unlock a user", || {
        unlock.execute(&granted, user.id, &app.context())
    })
    .expect("an account");
    let attempt_keys = &doorward_testkit::FakeAttemptKeys;
    let delete = DeleteUser {
        store,
        attempt_keys,
        entropy,
    };
    record(costs, "delete a user", || {
        delete.execute(&granted, user.id, &app.context())
    })
    .expect("a deletion");
}

fn background_work(app: &TestApp<'_>, costs: &mut Vec<Cost>) {
    let store = app.store;
    let follow = || store.snapshot(|repos| -> StoreResult<_> { repos.revocations().after(0, 1000) });
    record(costs, "follow what was revoked, four times a second", follow).expect("revocations");
    record(costs, "readiness", || store.check()).expect("a store that is ready");
    let policy = KeyPolicy {
        rotate_every: Duration::from_secs(7_776_000),
        access_life: Duration::from_secs(905),
        refresh_life: Duration::from_secs(2_592_000),
    };
    record(costs, "list keys", || {
        ListKeys {
            store,
            policy: &policy,
        }
        .execute(app.clock.now())
    })
    .expect("keys");
    let sweep = Sweep {
        store,
        revocation_life: Duration::from_secs(905),
        event_life: Duration::from_secs(365 * 86_400),
    };
    record(costs, "sweep, with nothing due", || {
        sweep.execute(app.clock.now())
    })
    .expect("a sweep");
}
