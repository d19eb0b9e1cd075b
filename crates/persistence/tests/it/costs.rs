//! The database cost of every use case, as its exact list of statements. Unlike times, these do not depend on the
//! machine, and an unnecessary statement shows before it slows anything down.

use core::net::IpAddr;
use core::time::Duration;

use doorward_application::{
    AccountDraft, ChangePassword, ClaimJobs, CompleteSetup, CreateUser, CreateUserAsOperator, DeleteAccount,
    DeleteExpired, DeliverMail, JobError, ListKeys, ListMails, Login, Missed, ScheduleNext, SettleJob,
};
use doorward_domain::access::ReadUser;
use doorward_domain::account::Roles;
use doorward_domain::account::UserFilter;
use doorward_domain::account::UserStatus;
use doorward_domain::audit::EventFilter;
use doorward_domain::clock::ClockReading;
use doorward_domain::context::RequestContext;
use doorward_domain::job::{JobKind, RetryPolicy};
use doorward_domain::key::KeyPolicy;
use doorward_domain::mail::{MailFailure, MailFailureReason, SendOutcome};
use doorward_domain::patch::Patch;
use doorward_domain::store::{Transactions as _, UnitOfWork as _};
use doorward_domain::store_error::StoreResult;
use doorward_domain::token::LogPosition;
use doorward_persistence::Database;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::{assert_golden, sample};
use secrecy::SecretString;

use crate::cost_app::{CostApp, PASSWORD};
use crate::cost_table::{Cost, render};
use crate::{query_plans, statement_log};

const PAGE: &str = "docs/costs.md";

const INTRODUCTION: &str = "\
# What a request costs the database

Made by a test (`crates/persistence/tests/it/costs.rs`), which fails when a use case costs anything else than it says here.
`UPDATE_GOLDEN=1 cargo test -p doorward-persistence costs` writes it anew, with a PostgreSQL server at hand.

A statement that is not between begin and commit is a transaction by itself. A *commit* is that of a transaction that may write:
the database answers it once it is on the disk. On PostgreSQL each statement is a round trip, those that begin and end a
transaction too. What takes a lock names it. Checking an access token
costs nothing here, and comes before everything that a bearer may do.
";

#[test]
fn every_use_case_runs_exactly_the_statements_in_the_table() {
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
    let app = CostApp::over(store);
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

fn setup(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let token = SecretString::from("a setup token that is long enough");
    let issue = app.use_cases().issue_setup_token();
    record(costs, "offer the setup", || issue.execute(Some(&token))).expect("a setup token");
    let setup = CompleteSetup {
        token,
        draft: app.new_draft(),
    };
    record(costs, "complete the setup", || {
        app.use_cases().create(&setup, &app.now())
    })
    .expect("an account");
}

fn registration_and_login(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let draft = app.new_draft();
    let register = |draft: &AccountDraft| app.register(draft.clone());
    record(costs, "register", || register(&draft)).expect("an account");
    record(costs, "register, address taken", || register(&draft)).expect_err("an address that is taken");
    let email = &draft.email;
    let elsewhere = RequestContext {
        ip: "2001:db8::7".parse::<IpAddr>().ok(),
        ..app.now()
    };
    let login = Login {
        email: email.clone(),
        password: SecretString::from(PASSWORD),
    };
    record(costs, "login, from a new network", || {
        app.use_cases().attempt(&login, &elsewhere)
    })
    .expect("a login");
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

fn sessions(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let user = app.logged_in_user();
    let (token, now) = (user.refresh_token(), app.now());
    let elsewhere = RequestContext {
        ip: "2001:db8::7".parse::<IpAddr>().ok(),
        ..app.now()
    };
    record(costs, "refresh", || app.refresh(&token, &now)).expect("a refresh");
    let pair = record(costs, "refresh, repeated", || app.refresh(&token, &now)).expect("the same successor");
    record(costs, "refresh, repeated from elsewhere", || {
        app.refresh(&token, &elsewhere)
    })
    .expect("the same successor");
    let next = SecretString::from(pair.refresh_token.expose());
    record(costs, "refresh, from elsewhere", || {
        app.refresh(&next, &elsewhere)
    })
    .expect("a refresh");
    app.clock.advance(Duration::from_secs(60));
    let replayed = record(costs, "refresh, replayed", || app.refresh(&token, &app.now()));
    assert!(replayed.is_none());
    let ended = record(costs, "refresh, of an ended session", || {
        app.refresh(&token, &app.now())
    });
    assert!(ended.is_none());
    let garbage = record(costs, "refresh, no token at all", || {
        app.refresh(&"dwr_garbage".into(), &app.now())
    });
    assert!(garbage.is_none());

    let user = app.logged_in_user();
    let logout = app.use_cases().logout();
    let end_it = || logout.execute(&user.refresh_token(), &app.now());
    record(costs, "logout", end_it).expect("a logout");
    record(costs, "logout, again", end_it).expect("a logout");

    let user = app.logged_in_user();
    record(costs, "me", || app.principal(&user.pair));
    let caller = app.granted_user(&user.pair);
    let list = app.use_cases().list_sessions();
    record(costs, "list own sessions", || list.own(&caller, app.clock.now())).expect("sessions");
    let other = app.login(&user.email, PASSWORD).expect("a login");
    let end = app.use_cases().end_session();
    record(costs, "end a session", || {
        end.execute(&caller, other.session_id, &app.now())
    })
    .expect("an end");
    app.login(&user.email, PASSWORD).expect("a login");
    let end_others = app.use_cases().end_other_sessions();
    record(costs, "end the other sessions, of two", || {
        end_others.execute(&caller, &app.now())
    })
    .expect("an end");
    app.login(&user.email, PASSWORD).expect("a login");
    let everywhere = app.use_cases().logout_everywhere();
    record(costs, "logout everywhere, of two sessions", || {
        everywhere.execute(&caller, &app.now())
    })
    .expect("a logout");
}

fn account(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let user = app.logged_in_user();
    let caller = app.granted_user(&user.pair);
    record(costs, "view the account", || {
        app.use_cases().view_account().execute(&caller)
    })
    .expect("an account");
    let update = app.use_cases().update_account();
    let rename = || update.execute(&caller, Patch::To(Some("Grace")), &app.now());
    record(costs, "change the name", rename).expect("an account");
    record(costs, "change the name to what it is", rename).expect("an account");
    let new_password = "another long password";
    let change_password = |current: &str, new: &str| {
        let change = ChangePassword {
            caller: app.granted_user(&user.pair),
            current: current.into(),
            new: new.into(),
        };
        app.use_cases().attempt(&change, &app.now())
    };
    record(costs, "change the password, wrong", || {
        change_password(new_password, PASSWORD)
    })
    .expect_err("a wrong password");
    record(costs, "change the password", || {
        change_password(PASSWORD, new_password)
    })
    .expect("a change");
    let deletion = DeleteAccount {
        caller,
        password: new_password.into(),
    };
    record(costs, "delete the account", || {
        app.use_cases().attempt(&deletion, &app.now())
    })
    .expect("a deletion");
}

fn administration(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let draft = app.new_draft();
    let creation = CreateUserAsOperator {
        draft: draft.clone(),
        roles: Roles::admin(),
    };
    record(costs, "make an administrator, by command", || {
        app.use_cases().create(&creation, &app.now())
    })
    .expect("an account");
    let admin = app.login(&draft.email, PASSWORD).expect("a login");
    let draft = app.new_draft();
    let granted = app.granted(&admin);
    let creation = CreateUser {
        admin: app.granted(&admin),
        draft: draft.clone(),
        roles: None,
    };
    let user = record(costs, "create a user", || {
        app.use_cases().create(&creation, &app.now())
    })
    .expect("a user");
    app.login(&draft.email, PASSWORD).expect("a login");
    let page = |filter: &UserFilter| {
        app.use_cases()
            .list_users()
            .execute(&app.granted(&admin), filter, None, 20)
    };
    record(costs, "list users", || page(&UserFilter::default())).expect("a page");
    let events = || {
        let filter = EventFilter::default();
        app.use_cases()
            .list_events()
            .execute(&app.granted(&admin), &filter, None, 20)
    };
    record(costs, "list the audit log", events).expect("a page");
    let on_id = app
        .principal(&admin)
        .authorize_on::<ReadUser>(Some(user.id))
        .expect("the permission");
    record(costs, "view a user", || {
        app.use_cases().view_user().execute(&on_id)
    })
    .expect("a user");
    let list = app.use_cases().list_sessions();
    let reader = app.granted(&admin);
    record(costs, "list a user's sessions", || {
        list.of_user(&reader, user.id, app.clock.now())
    })
    .expect("sessions");
    let update = app.use_cases().update_user();
    let rename = || update.execute(&granted, user.id, Patch::To(Some("Ada")), Patch::Keep, &app.now());
    record(costs, "rename a user", rename).expect("a user");
    let assigner = app.granted(&admin);
    let roles = ["billing".to_owned(), "user".to_owned()];
    let set_roles = || {
        app.use_cases()
            .set_roles()
            .execute(&assigner, user.id, &roles, &app.now())
    };
    record(costs, "set a user's roles", set_roles).expect("a user");
    let end = app.use_cases().end_user_sessions();
    record(costs, "end a user's sessions, of one", || {
        end.execute(&granted, user.id, &app.now())
    })
    .expect("an end");
    let disabled = Patch::To(UserStatus::Disabled);
    let disable = || update.execute(&granted, user.id, Patch::Keep, disabled, &app.now());
    record(costs, "disable a user", disable).expect("a user");
    let unlock = app.use_cases().unlock_user();
    record(costs, "unlock a user", || {
        unlock.execute(&granted, user.id, &app.now())
    })
    .expect("an account");
    let delete = app.use_cases().delete_user();
    record(costs, "delete a user", || {
        delete.execute(&granted, user.id, &app.now())
    })
    .expect("a deletion");
}

fn background_work(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let store = app.store;
    let start = LogPosition::start();
    let follow = || store.snapshot(|repos| -> StoreResult<_> { repos.revocations().after(&start, 1000) });
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
    jobs(app, costs);
    mails(app, costs);
    let delete_expired = DeleteExpired {
        store,
        revocation_life: Duration::from_secs(905),
        event_life: Duration::from_secs(365 * 86_400),
    };
    record(costs, "delete expired data, with nothing due", || {
        delete_expired.execute(ClockReading::trusted(app.clock.now()))
    })
    .expect("a deletion");
}

fn jobs(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let store = app.store;
    let claim = ClaimJobs {
        store,
        kind: &sample::JOB_KIND,
        lease: Duration::from_secs(60),
        missed: Missed::Bury,
    };
    let settle = SettleJob {
        store,
        policy: &RetryPolicy {
            delays: &[],
            then: Duration::from_secs(60),
        },
    };
    let poll = || {
        claim
            .execute(4, ClockReading::trusted(sample::START))
            .expect("an answer")
            .jobs
    };
    record(costs, "look for jobs, once a second", poll);
    for number in 1..=2 {
        store
            .transaction(|repos| -> StoreResult<_> { repos.jobs().enqueue(&sample::job(number)) })
            .expect("a job");
    }
    let claimed = record(costs, "claim jobs, of two", poll);
    let [done, failed] = claimed.try_into().expect("two jobs");
    let clock = ClockReading::trusted(sample::START);
    let settle = |job, result| settle.execute(job, &result, clock).expect("an answer");
    record(costs, "complete a job", || settle(&done, Ok(())));
    let failure = || Err(JobError::Retry("planted".to_owned()));
    record(costs, "retry a job", || settle(&failed, failure()));
    let permanent = || Err(JobError::Permanent("planted".to_owned()));
    record(costs, "give a job up", || settle(&failed, permanent()));
    record(costs, "count the jobs of a kind", || {
        store.snapshot(|repos| -> StoreResult<_> { repos.jobs().count(&sample::JOB_KIND) })
    })
    .expect("counts");
    let kind = JobKind::new("periodic");
    let schedule = ScheduleNext {
        store,
        entropy: &app.entropy,
        kind: &kind,
        every: Duration::from_secs(60),
    };
    let schedule = || schedule.execute(sample::START).expect("an answer");
    assert!(record(costs, "queue the next periodic job", schedule));
    assert!(!record(costs, "queue the next periodic job, again", schedule));
}

fn mails(app: &CostApp<'_>, costs: &mut Vec<Cost>) {
    let store = app.store;
    let user = sample::user(1);
    let queued = store.transaction(|repos| -> StoreResult<_> {
        let _ = repos.users().insert(&user, &sample::digest("digest"))?;
        Ok([1, 2].map(|number| sample::mail(number, &user)))
    });
    let [sent, failed] = queued.expect("a user");
    for mail in [&sent, &failed] {
        store
            .transaction(|repos| -> StoreResult<_> { repos.outbox().enqueue(mail) })
            .expect("a mail");
    }
    let deliver = DeliverMail {
        store,
        entropy: &app.entropy,
    };
    let clock = ClockReading::trusted(sample::START);
    let start = |id| {
        deliver
            .begin(id, 1, clock)
            .expect("an answer")
            .expect("a mail to send")
    };
    let attempt = record(costs, "begin to send a mail", || start(sent.mail.id));
    let finish = |attempt, outcome| deliver.finish(attempt, &outcome, clock).expect("an answer");
    record(costs, "store that a mail was sent", || {
        finish(&attempt, SendOutcome::Delivered)
    });
    let attempt = start(failed.mail.id);
    let failure = || MailFailure {
        reason: MailFailureReason::Recipient,
        detail: "planted".to_owned(),
    };
    record(costs, "give a mail up", || {
        finish(&attempt, SendOutcome::Refused(failure()))
    });
    record(costs, "count the mails", || {
        store.snapshot(|repos| -> StoreResult<_> { repos.outbox().status() })
    })
    .expect("a status");
    record(costs, "list mails", || ListMails { store }.execute(50)).expect("a list");
}
