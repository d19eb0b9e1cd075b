//! Rows that the last release wrote, before an upgrade or while both versions run, are read with their original meaning.

use core::fmt::Write as _;
use std::collections::BTreeMap;
use std::path::Path;

use diesel::{Connection, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use doorward_domain::audit::{Event, EventFilter, EventKind};
use doorward_domain::session::{Authentication, EndReason, Ended, Session, SessionKind};
use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::{LogPosition, Revocation, Revoked};
use doorward_persistence::migrate;
use doorward_persistence::test_support::TestDatabase;
use doorward_testkit::sample::{self, START};

use crate::support::on_each_database;

/// The number of migrations in the last release.
const LAST_RELEASE: usize = 5;

/// Applies the first migrations and nothing else.
fn apply<C>(connection: &mut C, kind: &str, count: usize)
where
    C: MigrationHarness<<C as Connection>::Backend> + Connection,
    <C as Connection>::Backend: 'static,
{
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../migrations")
        .join(kind);
    let migrations = FileBasedMigrations::from_path(folder).expect("the migrations");
    for _ in 0..count {
        connection
            .run_next_migration(migrations.clone())
            .expect("a migration");
    }
}

fn install_last_release(database: &TestDatabase) {
    if let Some(path) = database.parsed_url().sqlite_path() {
        let path = path.display().to_string();
        let mut connection = SqliteConnection::establish(&path).expect("a connection");
        apply(&mut connection, "sqlite", LAST_RELEASE);
    } else {
        let mut connection = PgConnection::establish(database.url()).expect("a connection");
        apply(&mut connection, "postgres", LAST_RELEASE);
    }
}

/// A user, a live and an ended session, events and revocations, in the statements of the last release.
struct Rows {
    sessions: [Session; 2],
    events: [Event; 2],
}

impl Rows {
    /// The rows of the user of that number.
    fn of(number: u32) -> Self {
        let user = sample::user(number);
        let created_at = Timestamp::from_unix_seconds(1_600_000_000);
        let session = |offset| Session {
            created_at,
            kind: SessionKind::Direct,
            authentication: Authentication::by_password(created_at),
            ..sample::session(number * 2 + offset, user.id)
        };
        let ended = Session {
            ended: Some(Ended {
                at: START,
                reason: EndReason::Replayed,
            }),
            ..session(1)
        };
        let login = sample::event(number * 2).of(user.id);
        let deletion = Event {
            kind: EventKind::UserDeleted,
            detail: BTreeMap::from([("reason".to_owned(), "test".to_owned())]),
            ..sample::event(number * 2 + 1)
                .of(user.id)
                .by(sample::user(number + 1).id)
                .in_session(ended.id)
        };
        Self {
            sessions: [session(0), ended],
            events: [login, deletion],
        }
    }

    fn insert(&self, database: &TestDatabase) {
        let [live, ended] = &self.sessions;
        let user = live.user_id;
        let bytes = |key: &[u8]| {
            let mut hex = String::new();
            for byte in key {
                write!(hex, "{byte:02x}").expect("a string");
            }
            if database.parsed_url().sqlite_path().is_some() {
                format!("x'{hex}'")
            } else {
                format!("'\\x{hex}'")
            }
        };
        let now = START.as_micros();
        let mut sql = vec![format!(
            "INSERT INTO users (id, email, email_canonical, status, version, password_digest, password_version, created_at, updated_at)
             VALUES ('{user}', '{user}@example.org', '{user}@example.org', 'active', 1, '', 1, {now}, {now})"
        )];
        for session in [live, ended] {
            let end = session.ended.map_or_else(
                || "NULL, NULL".to_owned(),
                |end| format!("{}, '{}'", end.at.as_micros(), end.reason.as_str()),
            );
            sql.push(format!(
                "INSERT INTO sessions (id, user_id, key, generation, rotated_at, created_at, last_used_at, expires_at, ended_at, end_reason, ip, user_agent)
                 VALUES ('{}', '{user}', {}, {}, {now}, {}, {now}, {}, {end}, '192.0.2.1', 'testkit/1.0')",
                session.id,
                bytes(session.key.expose()),
                session.generation.get(),
                session.created_at.as_micros(),
                session.expires_at.as_micros(),
            ));
        }
        let [login, deletion] = &self.events;
        sql.push(format!(
            "INSERT INTO events (id, at, kind, outcome, user_id, request_id, detail)
             VALUES ('{}', {}, 'login.succeeded', 'success', '{user}', '{}', '{{}}')",
            login.id,
            login.at.as_micros(),
            login.request_id,
        ));
        sql.push(format!(
            "INSERT INTO events (id, at, kind, outcome, user_id, actor_id, session_id, request_id, detail)
             VALUES ('{}', {}, 'user.deleted', 'success', '{user}', '{}', '{}', '{}', '{{\"reason\":\"test\"}}')",
            deletion.id,
            deletion.at.as_micros(),
            deletion.actor.as_ref().expect("an actor"),
            ended.id,
            deletion.request_id,
        ));
        sql.push(format!(
            "INSERT INTO revocations (at, session_id) VALUES ({now}, '{}')",
            ended.id
        ));
        sql.push(format!(
            "INSERT INTO revocations (at, user_id, lowest_version) VALUES ({now}, '{user}', 7)"
        ));
        for statement in sql {
            database.execute(&statement);
        }
    }
}

fn revoked(entries: &[Revocation]) -> Vec<Revoked> {
    entries.iter().map(|entry| entry.revoked.clone()).collect()
}

#[test]
fn rows_of_the_last_release_are_read_as_sessions_opened_by_password() {
    on_each_database(|database| {
        install_last_release(database);
        let before = Rows::of(1);
        before.insert(database);
        let pending = migrate(&database.parsed_url()).expect("the new migrations");
        assert_eq!(pending.first().map(String::as_str), Some("0006_session_kinds"));
        // Another instance may still be of the last release, and go on writing.
        let beside = Rows::of(2);
        beside.insert(database);

        let store = database.open();
        for rows in [&before, &beside] {
            for session in &rows.sessions {
                let found = store.snapshot(|r| -> StoreResult<_> { r.sessions().find(session.id) });
                assert_eq!(found, Ok(Some(session.clone())));
            }
        }
        let expected = [before.events.clone(), beside.events.clone()].concat();
        assert_eq!(database.events(), expected);
        let start = LogPosition::start();
        let page = store.snapshot(|r| -> StoreResult<_> { r.revocations().after(&start, 10) });
        let expected: Vec<Revoked> = [&before, &beside]
            .into_iter()
            .flat_map(|rows| {
                let [live, ended] = &rows.sessions;
                let subject = live.user_id.into();
                let lowest_version = SubjectVersion::new(7);
                [
                    Revoked::Session(ended.id),
                    Revoked::Subject {
                        subject,
                        lowest_version,
                    },
                ]
            })
            .collect();
        assert_eq!(page.map(|page| revoked(&page.entries)), Ok(expected));
    });
}

#[test]
fn accounts_of_the_last_release_are_vouched_for_and_those_it_stores_beside_are_not() {
    on_each_database(|database| {
        install_last_release(database);
        let (before, beside) = (Rows::of(1), Rows::of(2));
        before.insert(database);
        migrate(&database.parsed_url()).expect("the new migrations");
        beside.insert(database);
        let store = database.open();
        for (rows, vouched) in [(before, true), (beside, false)] {
            let id = rows.sessions[0].user_id;
            let user = store.snapshot(|r| -> StoreResult<_> { r.users().find(id) });
            let user = user.expect("a user that can be read").expect("the user");
            assert_eq!((user.vouched, user.email_verified_at), (vouched, None));
            assert_eq!(user.may_get_notices(), vouched);
        }
    });
}

#[test]
fn a_mail_of_a_newer_version_is_reported_and_not_misread() {
    on_each_database(|database| {
        let store = database.open();
        let user = sample::user(1);
        let mail = sample::mail(1, &user);
        let queued = store.transaction(|r| -> StoreResult<_> {
            let _ = r.users().insert(&user, &sample::digest("digest"))?;
            r.outbox().enqueue(&mail)
        });
        assert_eq!(queued, Ok(true));
        let id = mail.mail.id;
        for (columns, named) in [
            ("kind = 'email-changed'", "params"),
            ("kind = 'password-changed', params = '{}'", "params"),
            ("params = '{\"at\":1,\"ip\":\"nowhere\"}'", "params"),
            ("params = '{\"at\":1,\"ip\":null}', locale = 'english'", "locale"),
            ("locale = 'en', recipient = 'nobody'", "recipient"),
        ] {
            database.execute(&format!("UPDATE outbox SET {columns} WHERE id = '{id}'"));
            let found = store.snapshot(|r| -> StoreResult<_> { r.outbox().find(id) });
            assert_eq!(
                found,
                Err(StoreError::Corrupt(format!("outbox.{named} of {id}"))),
                "{columns}"
            );
        }
        // The list is for operators, who may have both versions.
        database.execute(&format!(
            "UPDATE outbox SET recipient = 'ada@example.org', kind = 'email-changed' WHERE id = '{id}'"
        ));
        let listed = store.snapshot(|r| -> StoreResult<_> { r.outbox().latest(10) });
        assert_eq!(listed.expect("a list").len(), 1);
    });
}

#[test]
fn a_session_of_an_impossible_kind_is_reported_and_not_misread() {
    on_each_database(|database| {
        migrate(&database.parsed_url()).expect("the migrations");
        Rows::of(1).insert(database);
        let store = database.open();
        let [session, _] = Rows::of(1).sessions;
        let parent = session.id;
        for (columns, named) in [
            ("kind = 'device'".to_owned(), "kind"),
            ("kind = 'grant'".to_owned(), "kind"),
            ("kind = 'grant', client_id = 'grafana'".to_owned(), "kind"),
            (
                format!("kind = 'browser', client_id = 'grafana', parent_id = '{parent}'"),
                "kind",
            ),
            (
                format!("kind = 'grant', client_id = 'Grafana', parent_id = '{parent}'"),
                "client_id",
            ),
            (
                "kind = 'grant', client_id = 'grafana', parent_id = 'x'".to_owned(),
                "parent_id",
            ),
            (
                "kind = 'direct', client_id = NULL, parent_id = NULL, methods = ' '".to_owned(),
                "methods",
            ),
        ] {
            database.execute(&format!("UPDATE sessions SET {columns} WHERE id = '{parent}'"));
            let found = store.snapshot(|r| -> StoreResult<_> { r.sessions().find(session.id) });
            let reason = format!("sessions.{named} of {parent}");
            assert_eq!(found, Err(StoreError::Corrupt(reason)), "{columns}");
        }
    });
}

#[test]
fn an_event_of_both_a_user_and_a_service_is_reported_and_not_misread() {
    on_each_database(|database| {
        migrate(&database.parsed_url()).expect("the migrations");
        Rows::of(1).insert(database);
        let store = database.open();
        let [_, event] = Rows::of(1).events;
        for (columns, named) in [
            ("service_id = 'billing'", "service_id"),
            (
                "service_id = NULL, actor_service_id = 'billing'",
                "actor_service_id",
            ),
            (
                "actor_id = NULL, actor_service_id = 'Billing'",
                "actor_service_id",
            ),
        ] {
            database.execute(&format!("UPDATE events SET {columns} WHERE id = '{}'", event.id));
            let filter = EventFilter::default();
            let page = store.snapshot(|r| -> StoreResult<_> { r.events().page(&filter, None, 10) });
            let reason = format!("events.{named} of {}", event.id);
            assert_eq!(page, Err(StoreError::Corrupt(reason)), "{columns}");
        }
    });
}

#[test]
fn a_setup_token_of_the_last_release_stays_valid_and_no_pepper_is_assumed() {
    on_each_database(|database| {
        install_last_release(database);
        let token = |digest: &str| {
            let bytes = if database.folder().is_some() {
                format!("x'{digest}'")
            } else {
                format!("'\\x{digest}'")
            };
            // As the last release writes it, before the upgrade and beside it.
            database.execute(&format!("UPDATE setup SET token_digest = {bytes} WHERE id = 1"));
        };
        token(&"01".repeat(32));
        migrate(&database.parsed_url()).expect("the new migrations");
        let store = database.open();
        let state = || {
            store
                .snapshot(|r| -> StoreResult<_> { r.setup().state() })
                .expect("the state")
        };
        let made = |byte| SetupState {
            token_digest: Some([byte; 32]),
            ..SetupState::default()
        };
        assert_eq!(state(), made(1));
        token(&"02".repeat(32));
        assert_eq!(state(), made(2));
        let pepper = store.snapshot(|r| -> StoreResult<_> { r.peppers().pepper() });
        assert_eq!(pepper, Ok(None));
    });
}
