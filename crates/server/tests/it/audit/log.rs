//! Reading the audit log, and what it records of refused requests.

use std::collections::BTreeSet;

use doorward_domain::session::Session;
use serde_json::{Value, json};

use super::reader::walk;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::process::eventually;
use crate::harness::raw;
use crate::harness::response_schema::{assert_members, instant};
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser, login, text};

on_both_databases!(
    events_are_listed_page_by_page_newest_first,
    events_are_filtered_by_kind_and_user,
    throttled_requests_are_summarized_in_one_event,
    client_input_cannot_forge_an_event,
    refused_attempts_are_summarized_in_one_event,
    an_attempt_is_recorded_even_if_the_client_disconnects,
);

fn events_are_listed_page_by_page_newest_first(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    for _ in 0..10 {
        grace.login_again();
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

    // Events written between two pages do not shift the others.
    let first = admin.client().get("/v1/audit?limit=5").ok(200);
    grace.login_again();
    let rest = walk(admin.client(), &format!("cursor={}", text(&first["next_cursor"])));
    assert_eq!(rest, all[5..]);
    assert_eq!(walk(admin.client(), "limit=100").len(), all.len() + 1);
    let past_the_end = admin
        .client()
        .get(&format!("/v1/audit?cursor={}", ids[ids.len() - 1]));
    assert_eq!(past_the_end.ok(200), json!({"events": []}));
    // The default page size.
    for _ in 0..50 {
        login(&service.client(), "nobody at all", "a wrong password").is(401);
    }
    let page = admin.client().get("/v1/audit").ok(200);
    assert_eq!(page["events"].as_array().unwrap().len(), 50);
}

fn events_are_filtered_by_kind_and_user(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    grace.login_again().logout();
    service.new_user("ada").logout();
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

fn throttled_requests_are_summarized_in_one_event(database: &Database) {
    let mut service = Launch::on(database).set("throttle.enabled", "true").start();
    service.admin();
    let (mut refused, mut first) = (0, None);
    while refused < 50 {
        let response = service.client().post("/v1/auth/login", &json!({}));
        if response.status == 429 {
            response.problem(429, "rate-limited");
            refused += 1;
            first.get_or_insert_with(|| text(&response.body()["request_id"]));
        }
    }
    let metrics = service.management().get("/metrics");
    assert!(
        metrics
            .text()
            .contains("doorward_throttle_refused_total{class=\"sensitive\"} 50"),
        "{metrics:?}"
    );
    // Pending counts are written at shutdown at the latest.
    assert!(service.terminate().success());
    service.restart();
    let admin = TestUser::login(&service.client(), "root@example.org", PASSWORD);
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

/// Control characters and quotes in client input neither add entries nor members.
fn client_input_cannot_forge_an_event(database: &Database) {
    let service = Service::on(database);
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
            // Invalid HTTP is rejected before the request is seen.
            if let Some(response) = raw::exchange(service.address(), &request) {
                assert!([400, 401].contains(&response.status), "{response:?}");
                written += usize::from(response.status == 401);
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

    let response = admin.client().get("/v1/audit?limit=100");
    assert!(
        !response.text().contains(|c: char| c.is_control()),
        "{response:?}"
    );
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

fn refused_attempts_are_summarized_in_one_event(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    for _ in 0..5 {
        login(&service.client(), "nobody@example.org", "a wrong password")
            .problem(401, "invalid-credentials");
    }
    for _ in 0..50 {
        login(&service.client(), "nobody@example.org", "a wrong password").problem(429, "too-many-attempts");
    }
    // More than one event only if the fifty attempts took more than a minute.
    let recorded = walk(admin.client(), "kind=login.refused");
    assert!((1..5).contains(&recorded.len()), "{recorded:?}");
    assert_eq!(recorded.last().unwrap()["detail"], json!({"count": "1"}));
    assert_eq!(walk(admin.client(), "kind=login.failed").len(), 5);
}

/// The client resets the connection, which the server notices immediately. A slow server may not have begun by then, and
/// drops the request; one that was counted is recorded.
fn an_attempt_is_recorded_even_if_the_client_disconnects(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let body = json!({"email": "nobody@example.org", "password": "a wrong password"}).to_string();
    let request = format!(
        "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let recorded = || walk(admin.client(), "kind=login.failed").len();
    for delay in [10, 50, 250, 1000] {
        let socket = socket2::Socket::from(std::net::TcpStream::connect(service.address()).unwrap());
        std::io::Write::write_all(&mut &socket, request.as_bytes()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(delay));
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(socket);
        if recorded() > 0 {
            break;
        }
    }
    eventually("one of the attempts is recorded", || {
        (recorded() > 0).then_some(())
    });
    let mut before = recorded();
    let settled = eventually("no more attempts are recorded", || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        let now = recorded();
        (std::mem::replace(&mut before, now) == now).then_some(now)
    });
    // The account allows five attempts: those that were counted are missing from them.
    let mut allowed = 0;
    while login(&service.client(), "nobody@example.org", "a wrong password").status == 401 {
        allowed += 1;
    }
    assert_eq!(allowed + settled, 5);
}
