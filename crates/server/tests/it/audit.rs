//! The audit log: what is in it, for whom, and what is not.

use std::collections::BTreeSet;

use doorward_domain::audit::EventKind;
use doorward_domain::token::Session;
use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::client::{Answer, Client};
use crate::people::{PASSWORD, Person, login, refresh, text};
use crate::raw;
use crate::service::{Launch, Service};
use crate::shapes::{assert_members, instant};

on_both!(
    every_action_is_told_with_whom_by_whom_from_where_and_in_which_request,
    every_session_that_ends_is_told_with_the_reason,
    it_is_read_page_by_page_the_newest_first,
    it_is_filtered,
    what_the_throttle_refused_is_told_in_one_event_with_the_right_sum,
    nothing_a_client_sends_forges_an_entry,
);

/// Asserts that this is an `Event` of the contract.
fn assert_event(event: &Value) {
    let mut names = vec!["id", "at", "kind", "outcome", "request_id", "detail"];
    for optional in ["user_id", "actor_id", "session_id", "ip", "user_agent"] {
        if let Some(value) = event.get(optional) {
            assert!(value.is_string(), "{event}");
            names.push(optional);
        }
    }
    assert_members(event, &names);
    instant(&event["at"]);
    assert!(EventKind::parse(&text(&event["kind"])).is_some(), "{event}");
    assert!(["success", "failure"].contains(&text(&event["outcome"]).as_str()));
    assert!(!text(&event["id"]).is_empty() && !text(&event["request_id"]).is_empty());
    let detail = event["detail"].as_object().unwrap();
    assert!(detail.values().all(Value::is_string), "{event}");
}

/// Walks through all pages, and gives the events.
fn walk(client: &Client, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/audit?{query}{cursor}")).ok(200);
        for event in page["events"].as_array().unwrap() {
            assert_event(event);
            events.push(event.clone());
        }
        assert!(events.len() < 1000);
        let Some(next) = page.get("next_cursor") else {
            assert_members(&page, &["events"]);
            return events;
        };
        assert_members(&page, &["events", "next_cursor"]);
        cursor = format!("&cursor={}", text(next));
    }
}

/// Whoever reads the log.
struct Reader {
    client: Client,
}

/// Whom an event tells of.
#[derive(Default)]
struct Whom<'a> {
    user: Option<&'a str>,
    actor: Option<&'a str>,
    session: Option<&'a str>,
}

fn user(id: &str) -> Whom<'_> {
    Whom {
        user: Some(id),
        ..Whom::default()
    }
}

impl<'a> Whom<'a> {
    fn by(mut self, actor: &'a str) -> Self {
        self.actor = Some(actor);
        self
    }

    fn within(mut self, session: &'a str) -> Self {
        self.session = Some(session);
        self
    }
}

impl Reader {
    /// The one event of that kind which was written while this was answered.
    fn event(&self, kind: &str, answer: &Answer) -> Value {
        let request = answer.header("x-request-id").unwrap();
        let mut events = walk(&self.client, &format!("kind={kind}&limit=100"));
        events.retain(|event| event["request_id"] == request);
        assert_eq!(events.len(), 1, "{kind} of {answer:?}: {events:?}");
        events.remove(0)
    }

    /// Asserts that while this was answered one event of that kind was written, which says exactly this.
    fn assert_told(&self, answer: &Answer, kind: &str, outcome: &str, whom: &Whom<'_>, detail: &Value) {
        let mut event = self.event(kind, answer);
        let members = event.as_object_mut().unwrap();
        assert!(members.remove("id").is_some() && members.remove("at").is_some());
        let mut expected = json!({
            "kind": kind,
            "outcome": outcome,
            "ip": "127.0.0.1",
            "user_agent": "doorward-tests",
            "request_id": answer.header("x-request-id"),
            "detail": detail,
        });
        for (name, id) in [
            ("user_id", whom.user),
            ("actor_id", whom.actor),
            ("session_id", whom.session),
        ] {
            if let Some(id) = id {
                expected[name] = json!(id);
            }
        }
        assert_eq!(event, expected);
    }
}

const WRONG: &str = "a wrong password";
const NEW_PASSWORD: &str = "eight tame gooseberries";

/// A service whose first administrator reads the log.
fn begin(backing: &Backing) -> (Service, Person, Reader) {
    let service = Service::on(backing);
    let setup = |token: &str, email: &str| {
        let body = json!({"setup_token": token, "email": email, "password": PASSWORD});
        service.client().post("/v1/setup", &body)
    };
    let token = service.setup_token();
    let wrong = setup("not the token", "root@example.org");
    wrong.problem(403, "setup-closed");
    let right = setup(&token, "root@example.org");
    let root = text(&right.ok(201)["id"]);
    let late = setup(&token, "late@example.org");
    late.problem(403, "setup-closed");
    let admin = Person::login(&service.client(), "root@example.org", PASSWORD);
    let reader = Reader {
        client: admin.client().clone(),
    };
    let kind = "setup.completed";
    reader.assert_told(
        &wrong,
        kind,
        "failure",
        &Whom::default(),
        &json!({"reason": "wrong-token"}),
    );
    reader.assert_told(&right, kind, "success", &user(&root), &json!({}));
    let reason = json!({"reason": "already-completed"});
    reader.assert_told(&late, kind, "failure", &Whom::default(), &reason);
    (service, admin, reader)
}

fn every_action_is_told_with_whom_by_whom_from_where_and_in_which_request(backing: &Backing) {
    let (service, root, log) = begin(backing);
    let mut secrets = vec![service.setup_token(), root.access(), root.refresh_token()];
    registering_and_logging_in(&service, &root, &log);
    secrets.extend(refreshing(&service, &log));
    ones_own_account(&service, &log);
    other_peoples_accounts(&service, &root, &log);
    the_operator(&service, &log);

    let events = walk(&log.client, "limit=100");
    let seen: BTreeSet<String> = events.iter().map(|event| text(&event["kind"])).collect();
    let mut all: BTreeSet<String> = EventKind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    // That one is tried below.
    all.remove("throttle.refused");
    assert_eq!(seen, all);

    secrets.extend([PASSWORD, WRONG, NEW_PASSWORD, "example.org"].map(str::to_owned));
    let everything = json!(events).to_string();
    for secret in secrets {
        assert!(secret.len() > 8 && !everything.contains(&secret), "{secret}");
    }
    assert!(!everything.contains("$argon2") && !everything.contains("dwr_") && !everything.contains("dws_"));
}

fn registering_and_logging_in(service: &Service, root: &Person, log: &Reader) {
    let client = service.client();
    let register = || {
        let body = json!({"email": "eve@example.org", "password": PASSWORD});
        client.post("/v1/auth/register", &body)
    };
    let registered = register();
    let eve = text(&registered.ok(201)["id"]);
    let nobody = Whom::default();
    log.assert_told(&registered, "user.registered", "success", &user(&eve), &json!({}));
    let taken = json!({"reason": "email-taken"});
    log.assert_told(&register(), "user.registered", "failure", &user(&eve), &taken);

    for (email, whom, reason) in [
        ("eve@example.org", &user(&eve), "wrong-password"),
        ("nobody@example.org", &nobody, "unknown-account"),
        ("no address", &nobody, "malformed-email"),
    ] {
        let failed = login(&client, email, WRONG);
        failed.problem(401, "invalid-credentials");
        log.assert_told(
            &failed,
            "login.failed",
            "failure",
            whom,
            &json!({"reason": reason}),
        );
    }
    let refused = loop {
        let answer = login(&client, "eve@example.org", WRONG);
        if answer.status == 429 {
            break answer;
        }
        answer.is(401);
    };
    log.assert_told(&refused, "login.refused", "failure", &user(&eve), &json!({}));
    let unlocked = root.client().post_nothing(&format!("/v1/users/{eve}/unlock"));
    unlocked.is_empty(204);
    log.assert_told(
        &unlocked,
        "user.unlocked",
        "success",
        &user(&eve).by(&root.id),
        &json!({}),
    );

    let let_in = login(&client, "eve@example.org", PASSWORD);
    let session = text(&let_in.ok(200)["session_id"]);
    log.assert_told(
        &let_in,
        "login.succeeded",
        "success",
        &user(&eve).within(&session),
        &json!({}),
    );
}

/// Answers the tokens that were in use.
fn refreshing(service: &Service, log: &Reader) -> Vec<String> {
    let grace = service.person("grace");
    let session = grace.session();
    let whom = user(&grace.id).within(&session);
    let first = grace.refresh_token();
    let second = text(&grace.try_refresh().ok(200)["refresh_token"]);
    let elsewhere = refresh(&service.client().with("user-agent", "elsewhere/1.0"), &second);
    let third = text(&elsewhere.ok(200)["refresh_token"]);
    let moved = log.event("session.refreshed", &elsewhere);
    assert_eq!(
        (&moved["outcome"], &moved["user_agent"]),
        (&json!("success"), &json!("elsewhere/1.0"))
    );
    assert_eq!(
        (&moved["user_id"], &moved["session_id"]),
        (&json!(grace.id), &json!(grace.session()))
    );

    let replayed = refresh(&service.client(), &first);
    replayed.problem(401, "invalid-refresh-token");
    let generations = json!({"presented_generation": "0", "current_generation": "2"});
    log.assert_told(&replayed, "session.replayed", "failure", &whom, &generations);
    let ended = refresh(&service.client(), &third);
    ended.problem(401, "invalid-refresh-token");
    let reason = json!({"reason": "session-ended"});
    log.assert_told(&ended, "session.refreshed", "failure", &whom, &reason);
    vec![first, second, third, grace.access()]
}

fn ones_own_account(service: &Service, log: &Reader) {
    let ada = service.person("ada");
    let renamed = ada.client().json("PATCH", "/v1/account", &json!({"name": "Ada"}));
    renamed.ok(200);
    log.assert_told(
        &renamed,
        "user.updated",
        "success",
        &user(&ada.id).by(&ada.id),
        &json!({}),
    );

    let change = |current: &str| {
        let body = json!({"current_password": current, "new_password": NEW_PASSWORD});
        ada.client().post("/v1/account/password", &body)
    };
    let wrong = json!({"reason": "wrong-password"});
    let failed = change(WRONG);
    failed.problem(401, "invalid-credentials");
    assert_told_failure(log, &failed, "password.changed", &ada);
    ada.again();
    let changed = change(PASSWORD);
    changed.is_empty(204);
    let session = ada.session();
    let whom = user(&ada.id).within(&session);
    log.assert_told(&changed, "password.changed", "success", &whom, &json!({}));
    let detail = json!({"reason": "password-changed", "sessions": "1"});
    log.assert_told(&changed, "session.ended", "success", &whom, &detail);

    let delete = |password: &str| {
        ada.client()
            .post("/v1/account/deletion", &json!({"password": password}))
    };
    let failed = delete(PASSWORD);
    failed.problem(401, "invalid-credentials");
    assert_told_failure(log, &failed, "user.deleted", &ada);
    assert_eq!(log.event("user.deleted", &failed)["detail"], wrong);
    let deleted = delete(NEW_PASSWORD);
    deleted.is_empty(204);
    log.assert_told(
        &deleted,
        "user.deleted",
        "success",
        &user(&ada.id).by(&ada.id),
        &json!({}),
    );
}

/// Asserts that a wrong password is told, of whoever gave it.
fn assert_told_failure(log: &Reader, answer: &Answer, kind: &str, person: &Person) {
    let event = log.event(kind, answer);
    assert_eq!(event["outcome"], "failure", "{event}");
    assert_eq!(event["user_id"], person.id, "{event}");
    assert_eq!(event["detail"]["reason"], "wrong-password", "{event}");
}

fn other_peoples_accounts(service: &Service, root: &Person, log: &Reader) {
    let create = || {
        let body = json!({"email": "bob@example.org", "password": PASSWORD, "roles": ["user", "billing"]});
        root.client().post("/v1/users", &body)
    };
    let created = create();
    let bob = text(&created.ok(201)["id"]);
    let whom = || user(&bob).by(&root.id);
    let roles = json!({"roles": "billing user"});
    log.assert_told(&created, "user.created", "success", &whom(), &roles);
    let taken = json!({"reason": "email-taken"});
    log.assert_told(&create(), "user.created", "failure", &whom(), &taken);

    let path = format!("/v1/users/{bob}");
    let update = |body: Value| root.client().json("PATCH", &path, &body);
    let renamed = update(json!({"name": "Bob", "status": "disabled"}));
    renamed.ok(200);
    log.assert_told(&renamed, "user.updated", "success", &whom(), &json!({}));
    let status = json!({"status": "disabled"});
    log.assert_told(&renamed, "user.status-changed", "success", &whom(), &status);
    let failed = login(&service.client(), "bob@example.org", PASSWORD);
    let reason = json!({"reason": "account-disabled"});
    log.assert_told(&failed, "login.failed", "failure", &user(&bob), &reason);

    let set = |id: &str, roles: Value| {
        let path = format!("/v1/users/{id}/roles");
        root.client().json("PUT", &path, &json!({"roles": roles}))
    };
    let demoted = set(&bob, json!(["user"]));
    demoted.ok(200);
    let before_and_after = json!({"before": "billing user", "after": "user"});
    log.assert_told(
        &demoted,
        "user.roles-changed",
        "success",
        &whom(),
        &before_and_after,
    );
    let refused = set(&root.id, json!(["user"]));
    refused.problem(409, "last-admin");
    let detail = json!({"before": "admin user", "after": "user", "reason": "last-admin"});
    let whom_root = user(&root.id).by(&root.id);
    log.assert_told(&refused, "user.roles-changed", "failure", &whom_root, &detail);
    let deleted = root.client().delete(&path);
    deleted.is_empty(204);
    log.assert_told(&deleted, "user.deleted", "success", &whom(), &json!({}));
}

/// What is done on the command line has no client, and a request of its own.
fn the_operator(service: &Service, log: &Reader) {
    let said = service.run(
        &[
            "users",
            "create",
            "--email",
            "olga@example.org",
            "--password-stdin",
        ],
        &format!("{PASSWORD}\n"),
    );
    assert_eq!(said.status, 0, "{said:?}");
    let olga = said.stdout.trim();
    let mut events = walk(&log.client, &format!("kind=user.created&user_id={olga}"));
    assert_eq!(events.len(), 1);
    let members = events[0].as_object_mut().unwrap();
    for name in ["id", "at", "request_id"] {
        assert!(members.remove(name).is_some());
    }
    let expected = json!({
        "kind": "user.created", "outcome": "success", "user_id": olga,
        "detail": {"by": "operator", "roles": "user"},
    });
    assert_eq!(events[0], expected);

    let said = service.run(&["keys", "rotate"], "");
    assert_eq!(said.status, 0, "{said:?}");
    let rotated = walk(&log.client, "kind=key.rotated");
    let by_command: Vec<_> = rotated
        .iter()
        .filter(|event| event["detail"]["reason"] == "command")
        .collect();
    assert_eq!(by_command.len(), 2, "{rotated:?}");
    for event in by_command {
        assert!(event.get("ip").is_none() && event.get("user_id").is_none());
        assert_members(
            &event["detail"],
            &["kid", "purpose", "algorithm", "ordinal", "reason"],
        );
    }
}

fn every_session_that_ends_is_told_with_the_reason(backing: &Backing) {
    let (service, root, log) = begin(backing);
    let grace = service.person("grace");
    let others: Vec<Person> = (0..3).map(|_| grace.again()).collect();
    let kind = "session.ended";
    let within = |session: &str, answer: &Answer, detail: &Value| {
        log.assert_told(answer, kind, "success", &user(&grace.id).within(session), detail);
    };

    let body = json!({"refresh_token": others[0].refresh_token()});
    let answer = service.client().post("/v1/auth/logout", &body);
    answer.is_empty(204);
    within(&others[0].session(), &answer, &json!({"reason": "logged-out"}));

    let path = format!("/v1/account/sessions/{}", others[1].session());
    let answer = grace.client().delete(&path);
    answer.is_empty(204);
    within(&others[1].session(), &answer, &json!({"reason": "ended-by-user"}));

    let answer = grace.client().delete("/v1/account/sessions");
    answer.is_empty(204);
    let detail = json!({"reason": "ended-by-user", "sessions": "1"});
    within(&grace.session(), &answer, &detail);

    let answer = grace.client().post_nothing("/v1/auth/logout-all");
    answer.is_empty(204);
    let detail = json!({"reason": "logged-out-everywhere", "sessions": "1"});
    within(&grace.session(), &answer, &detail);

    grace.again();
    let answer = root.client().delete(&format!("{}/sessions", grace.path()));
    answer.is_empty(204);
    let detail = json!({"reason": "ended-by-admin", "sessions": "1"});
    log.assert_told(&answer, kind, "success", &user(&grace.id).by(&root.id), &detail);
}

fn it_is_read_page_by_page_the_newest_first(backing: &Backing) {
    let service = Service::on(backing);
    let admin = service.admin();
    let grace = service.person("grace");
    for _ in 0..10 {
        grace.again();
    }
    let all = walk(admin.client(), "limit=100");
    let ids: Vec<String> = all.iter().map(|event| text(&event["id"])).collect();
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let times: Vec<_> = all
        .iter()
        .map(|event| instant(&event["at"]).as_millisecond())
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    for limit in [1, 2, 7, all.len() - 1, all.len(), all.len() + 1] {
        assert_eq!(
            walk(admin.client(), &format!("limit={limit}")),
            all,
            "limit {limit}"
        );
    }

    // What is written between two pages moves nothing.
    let first = admin.client().get("/v1/audit?limit=5").ok(200);
    grace.again();
    let rest = walk(admin.client(), &format!("cursor={}", text(&first["next_cursor"])));
    assert_eq!(rest, all[5..]);
    assert_eq!(walk(admin.client(), "limit=100").len(), all.len() + 1);
    let past_the_end = admin
        .client()
        .get(&format!("/v1/audit?cursor={}", ids[ids.len() - 1]));
    assert_eq!(past_the_end.ok(200), json!({"events": []}));
    // A page of the default size.
    for _ in 0..50 {
        login(&service.client(), "nobody at all", "a wrong password").is(401);
    }
    let page = admin.client().get("/v1/audit").ok(200);
    assert_eq!(page["events"].as_array().unwrap().len(), 50);
}

fn it_is_filtered(backing: &Backing) {
    let service = Service::on(backing);
    let admin = service.admin();
    let grace = service.person("grace");
    grace.again().logout();
    service.person("ada").logout();
    let all = walk(admin.client(), "limit=100");
    let of_grace = format!("user_id={}", grace.id);
    for query in [
        of_grace.clone(),
        "kind=login.succeeded".into(),
        format!("{of_grace}&kind=session.ended"),
        format!("kind=login.succeeded&{of_grace}"),
        format!("kind=setup.completed&{of_grace}"),
        "kind=user.unlocked".into(),
        format!("user_id={}", "00000000-0000-7000-8000-000000000000"),
    ] {
        let is_meant = |event: &&Value| {
            query.split('&').all(|condition| {
                let (name, value) = condition.split_once('=').unwrap();
                event.get(name).is_some_and(|found| found == value)
            })
        };
        let expected: Vec<_> = all.iter().filter(is_meant).cloned().collect();
        for limit in ["", "limit=1&", "limit=100&"] {
            assert_eq!(
                walk(admin.client(), &format!("{limit}{query}")),
                expected,
                "{query}"
            );
        }
    }
    assert_eq!(
        walk(admin.client(), &format!("{of_grace}&kind=login.succeeded")).len(),
        2
    );
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=abc",
        "limit=",
        "limit=1&limit=2",
        "limit=99999999999999999999",
        "kind=",
        "kind=login",
        "kind=LOGIN.FAILED",
        "kind=login.failed%00",
        "kind=login.failed&kind=login.failed",
        "user_id=",
        "user_id=%00",
        "user_id=1",
        "cursor=",
        "cursor=abc",
        "cursor=%00",
        "cursor=%27%20OR%201=1",
        "cursor=00000000-0000-7000-8000-00000000000A",
        "outcome=failure",
        "sort=at",
        "%00=1",
        "limit=1&x=%ff",
    ] {
        let path = format!("/v1/audit?{query}");
        admin.client().get(&path).problem(400, "malformed-request");
        grace.client().get(&path).problem(403, "forbidden");
        service.client().get(&path).problem(401, "missing-token");
    }
}

fn what_the_throttle_refused_is_told_in_one_event_with_the_right_sum(backing: &Backing) {
    let mut service = Launch::on(backing).set("throttle.enabled", "true").start();
    service.admin();
    let (mut refused, mut first) = (0, None);
    while refused < 50 {
        let answer = service.client().post("/v1/auth/login", &json!({}));
        if answer.status == 429 {
            answer.problem(429, "rate-limited");
            refused += 1;
            first.get_or_insert_with(|| text(&answer.body()["request_id"]));
        }
    }
    let metrics = service.operator().get("/metrics");
    assert!(
        metrics
            .text()
            .contains("doorward_throttle_refused_total{class=\"sensitive\"} 50"),
        "{metrics:?}"
    );
    // What has been counted is written at the latest when the service stops.
    assert!(service.terminate().success());
    service.start_again();
    let admin = Person::login(&service.client(), "root@example.org", PASSWORD);
    let events = walk(admin.client(), "kind=throttle.refused");
    assert!((1..=2).contains(&events.len()), "{events:?}");
    let number = |event: &Value, name: &str| text(&event["detail"][name]).parse::<u32>().unwrap();
    assert_eq!(events.iter().map(|event| number(event, "count")).sum::<u32>(), 50);
    assert_eq!(events.last().map(|event| text(&event["request_id"])), first);
    for event in &events {
        assert_eq!(
            (&event["outcome"], &event["ip"]),
            (&json!("failure"), &json!("127.0.0.1"))
        );
        assert!(event.get("user_agent").is_none() && event.get("user_id").is_none());
        assert_members(&event["detail"], &["class", "count", "network", "seconds"]);
        assert_eq!(event["detail"]["class"], "sensitive");
        assert_eq!(event["detail"]["network"], "127.0.0.1/32");
        assert!((1..=120).contains(&number(event, "seconds")), "{event}");
    }
}

/// Lesson 31, for the log that is in the database.
fn nothing_a_client_sends_forges_an_entry(backing: &Backing) {
    let service = Service::on(backing);
    let admin = service.admin();
    let forged = "x\"},{\"kind\":\"user.deleted\",\"outcome\":\"success\",\"actor_id\":\"root";
    let emoji = "\u{1f600}".repeat(600);
    let agents: [&[u8]; 8] = [
        forged.as_bytes(),
        b"tab\there \\ \\\" \\u0000 \\n",
        b"\x1b[31mred\x1b[0m\x07",
        b"raw\xff\xfe\x80bytes",
        "\u{202e}\u{2028}\u{85}\u{9b}31m".as_bytes(),
        &[b'a'; 4000],
        emoji.as_bytes(),
        b"'; DROP TABLE events; --",
    ];
    let hostile = "a\r\nb\u{1b}[31m\",\"kind\":\"user.deleted\"\u{7}";
    let emails = [forged, hostile, "\u{0}", "root@example.org\r\nx: y"];
    let mut written = 0;
    for agent in agents {
        for email in emails {
            let body = json!({"email": email, "password": hostile}).to_string();
            let mut request = b"POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ".to_vec();
            request.extend_from_slice(agent);
            let head = format!(
                "\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            request.extend_from_slice(head.as_bytes());
            // A head that is no HTTP is refused before anything sees it.
            if let Some(answer) = raw::exchange(service.address(), &request) {
                assert!([400, 401].contains(&answer.status), "{answer:?}");
                written += usize::from(answer.status == 401);
            }
        }
    }
    assert!(written >= 3 * 5, "{written}");
    let mut name = json!({"email": "grace@example.org", "password": PASSWORD, "name": forged});
    service.client().post("/v1/auth/register", &name).is(201);
    name["email"] = json!("ada@example.org");
    name["name"] = json!(hostile);
    service
        .client()
        .post("/v1/auth/register", &name)
        .problem(422, "validation");

    let answer = admin.client().get("/v1/audit?limit=100");
    assert!(!answer.text().contains(|c: char| c.is_control()), "{answer:?}");
    let events = walk(admin.client(), "limit=100");
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event["kind"] == "login.failed")
        .collect();
    assert_eq!(failed.len(), written);
    assert!(events.iter().all(|event| event["kind"] != "user.deleted"));
    for event in &events {
        if let Some(agent) = event.get("user_agent").map(text) {
            assert!(!agent.contains(|c: char| c.is_control()), "{event}");
            assert!(agent.chars().count() <= Session::MAX_USER_AGENT, "{event}");
        }
        assert!(!event["detail"].to_string().contains("kind"), "{event}");
    }
    let agents: BTreeSet<String> = events
        .iter()
        .filter_map(|event| event.get("user_agent").map(text))
        .collect();
    assert!(agents.contains(forged), "{agents:?}");
    let log = service.log();
    assert!(
        !log.contains("DROP TABLE"),
        "what a client calls itself is in the log"
    );
}
