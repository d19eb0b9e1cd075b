//! Registering, logging in, staying logged in and logging out.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::backing::{Backing, on_both};
use crate::people::{PASSWORD, Person, login, refresh, register, text};
use crate::service::Service;
use crate::shapes::{assert_members, assert_pair, assert_user, decode, instant};
use crate::support::eventually;

on_both!(
    an_account_goes_from_registration_to_logout,
    a_registration_that_breaks_rules_says_which,
    an_address_is_taken_in_every_spelling,
    a_wrong_login_is_one_answer_whatever_is_wrong,
    a_logged_out_session_stays_dead_whatever_else_lives,
    a_refresh_can_be_repeated_and_raced,
    a_replay_ends_the_session,
    a_logout_of_nothing_is_a_logout,
    everything_ends_with_logout_all,
    logins_within_one_second_share_nothing,
    a_login_takes_credentials_and_nothing_else,
);

fn an_account_goes_from_registration_to_logout(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    let body = json!({"email": "Grace@Example.org", "password": PASSWORD, "name": "Grace"});
    let answer = client.post("/v1/auth/register", &body);
    let user = answer.ok(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_user(&user);
    assert_eq!(user["email"], "Grace@Example.org");
    assert_eq!(user["name"], "Grace");
    assert_eq!(user["roles"], json!(["user"]));
    assert_eq!(user["status"], "active");
    assert_eq!(user["created_at"], user["updated_at"]);

    let answer = login(&client, "gRACE@eXAMPLE.org", PASSWORD);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let pair = answer.ok(200);
    assert_pair(&pair);
    assert_eq!(pair["user"], user);

    let mut grace = Person::login(&client, "grace@example.org", PASSWORD);
    let answer = grace.client().get("/v1/auth/me");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let me = answer.ok(200);
    assert_members(&me, &["id", "email", "roles", "session_id", "expires_at"]);
    assert_eq!(me["id"], user["id"]);
    assert_eq!(me["email"], user["email"]);
    assert_eq!(me["roles"], user["roles"]);
    assert_eq!(me["session_id"], grace.pair["session_id"]);
    let (_, claims) = decode(&grace.access());
    assert_eq!(instant(&me["expires_at"]).as_second(), claims["exp"]);

    let before = grace.clone();
    let answer = grace.try_refresh();
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_pair(&answer.ok(200));
    grace.refresh();
    assert_eq!(grace.session(), before.session());
    assert_ne!(grace.refresh_token(), before.refresh_token());
    assert_ne!(grace.access(), before.access());
    assert_eq!(grace.pair["user"], user);
    assert_eq!(
        decode(&grace.access()).1["auth_time"],
        decode(&before.access()).1["auth_time"]
    );

    grace.logout();
    grace.try_refresh().problem(401, "invalid-refresh-token");
    before.try_refresh().problem(401, "invalid-refresh-token");
}

fn a_registration_that_breaks_rules_says_which(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    let long_name = "n".repeat(201);
    for (email, password, name, expected) in [
        ("grace", PASSWORD, None, vec!["/email"]),
        ("a@b@c", PASSWORD, None, vec!["/email"]),
        ("", PASSWORD, None, vec!["/email"]),
        ("\"quoted\"@example.org", PASSWORD, None, vec!["/email"]),
        ("a\r\nb@example.org", PASSWORD, None, vec!["/email"]),
        ("grace@example.org", "hunter2", None, vec!["/password"]),
        ("grace@example.org", "password123", None, vec!["/password"]),
        ("grace@example.org", "grace@example.org", None, vec!["/password"]),
        (
            "grace@example.org",
            PASSWORD,
            Some(long_name.as_str()),
            vec!["/name"],
        ),
        ("grace@example.org", PASSWORD, Some("a\nb"), vec!["/name"]),
        (
            "grace",
            "hunter2",
            Some("\u{1b}[2J"),
            vec!["/email", "/name", "/password"],
        ),
    ] {
        let body = json!({"email": email, "password": password, "name": name});
        let answer = client.post("/v1/auth/register", &body);
        let problem = answer.problem(422, "validation");
        let errors = problem["errors"].as_array().unwrap();
        for error in errors {
            assert_members(error, &["pointer", "code", "detail"]);
        }
        let pointers: Vec<_> = errors.iter().map(|error| text(&error["pointer"])).collect();
        assert_eq!(pointers, expected, "{answer:?}");
        assert!(
            !answer.text().contains(password) || password.contains('@'),
            "{answer:?}"
        );
    }
    let too_long = "p".repeat(257);
    let body = json!({"email": "grace@example.org", "password": too_long});
    let problem = client.post("/v1/auth/register", &body).problem(422, "validation");
    assert_eq!(problem["errors"][0]["code"], "too-long");
    login(&client, "grace@example.org", PASSWORD).problem(401, "invalid-credentials");
}

fn an_address_is_taken_in_every_spelling(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    // With an accent, composed; the domain is an international one.
    register(&client, "Ren\u{e9}@B\u{fc}cher.example");
    for spelling in [
        "ren\u{e9}@b\u{fc}cher.example",
        "REN\u{c9}@B\u{dc}CHER.EXAMPLE",
        "rene\u{301}@bu\u{308}cher.example",
        "ren\u{e9}@xn--bcher-kva.example",
        "ren\u{e9}@b\u{fc}cher\u{3002}example",
    ] {
        let body = json!({"email": spelling, "password": PASSWORD});
        client
            .post("/v1/auth/register", &body)
            .problem(409, "email-taken");
        login(&client, spelling, PASSWORD).ok(200);
    }
    let body = json!({"email": " ren\u{e9}@b\u{fc}cher.example", "password": PASSWORD});
    client.post("/v1/auth/register", &body).problem(422, "validation");
}

fn a_wrong_login_is_one_answer_whatever_is_wrong(backing: &Backing) {
    let service = Service::on(backing);
    let admin = service.admin();
    let grace = service.person("grace");
    let disabled = service.person("disabled");
    admin
        .client()
        .json("PATCH", &disabled.path(), &json!({"status": "disabled"}))
        .ok(200);
    let mut answers = BTreeSet::new();
    for (email, password) in [
        (grace.email.as_str(), "a wrong password"),
        (&grace.email, ""),
        (&grace.email, "12345678"),
        (&grace.email, &"x".repeat(5000)),
        (&disabled.email, PASSWORD),
        (&disabled.email, "a wrong password"),
        ("nobody@example.org", PASSWORD),
        ("not an address", PASSWORD),
        ("", PASSWORD),
    ] {
        let answer = login(&service.client(), email, password);
        let mut problem = answer.problem(401, "invalid-credentials");
        problem["request_id"] = Value::Null;
        answers.insert(format!("{problem} {:?}", answer.header_names()));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// Where refresh tokens were compared by their first 72 bytes, any live session of a user kept all others alive.
fn a_logged_out_session_stays_dead_whatever_else_lives(backing: &Backing) {
    let service = Service::on(backing);
    let first = service.person("grace");
    let (mut second, mut third) = (first.again(), first.again());
    first.logout();
    first.try_refresh().problem(401, "invalid-refresh-token");
    second.refresh();
    third.refresh();
    first.try_refresh().problem(401, "invalid-refresh-token");
    let fourth = first.again();
    first.try_refresh().problem(401, "invalid-refresh-token");
    fourth.logout();
    second.refresh();
    third.refresh();
    let listed = third.client().get("/v1/account/sessions").ok(200);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
}

fn a_refresh_can_be_repeated_and_raced(backing: &Backing) {
    let service = Service::on(backing);
    let mut grace = service.person("grace");
    let successors: BTreeSet<_> = thread::scope(|scope| {
        let tabs: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| text(&grace.try_refresh().ok(200)["refresh_token"])))
            .collect();
        tabs.into_iter().map(|tab| tab.join().unwrap()).collect()
    });
    assert_eq!(successors.len(), 1);
    grace.refresh();
    assert!(successors.contains(&grace.refresh_token()));
    grace.refresh();
}

fn a_replay_ends_the_session(backing: &Backing) {
    let service = Service::on(backing);
    let stolen = service.person("grace");
    let other = stolen.again();
    let mut owner = stolen.clone();
    owner.refresh();
    owner.refresh();
    // Two generations back is never a retry.
    stolen.try_refresh().problem(401, "invalid-refresh-token");
    owner.try_refresh().problem(401, "invalid-refresh-token");
    other.try_refresh().ok(200);
    let replayed = "SELECT count(*) AS answer FROM events WHERE kind = 'session.replayed'";
    assert_eq!(backing.database().number(replayed), 1);
}

fn a_logout_of_nothing_is_a_logout(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    let client = service.client();
    let logout = |token: &str| client.post("/v1/auth/logout", &json!({"refresh_token": token}));
    let token = grace.refresh_token();
    let mut forged = token.clone().into_bytes();
    let last = forged.last_mut().unwrap();
    *last = if *last == b'A' { b'E' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    for nothing in [
        "",
        "dwr_",
        "nonsense",
        &grace.access(),
        &forged,
        &token.to_uppercase(),
    ] {
        logout(nothing).is_empty(204);
        refresh(&client, nothing).problem(401, "invalid-refresh-token");
    }
    grace.try_refresh().ok(200);
    logout(&token).is_empty(204);
    logout(&token).is_empty(204);
    refresh(&client, &token).problem(401, "invalid-refresh-token");
}

fn everything_ends_with_logout_all(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    let (second, bystander) = (grace.again(), service.person("ada"));
    second.client().post_nothing("/v1/auth/logout-all").is_empty(204);
    for ended in [&grace, &second] {
        ended.try_refresh().problem(401, "invalid-refresh-token");
    }
    bystander.try_refresh().ok(200);
    let back = grace.again();
    eventually("the new session is the only one", || {
        let listed = back.client().get("/v1/account/sessions").ok(200);
        (listed["sessions"].as_array().unwrap().len() == 1).then_some(())
    });
    grace.try_refresh().problem(401, "invalid-refresh-token");
}

fn logins_within_one_second_share_nothing(backing: &Backing) {
    let service = Service::on(backing);
    let first = service.person("grace");
    let logins: Vec<_> = (0..5).map(|_| first.again()).collect();
    let distinct = |what: fn(&Person) -> String| logins.iter().map(what).collect::<BTreeSet<_>>().len();
    assert_eq!(distinct(Person::session), 5);
    assert_eq!(distinct(Person::access), 5);
    assert_eq!(distinct(Person::refresh_token), 5);
    assert_eq!(distinct(|person| text(&decode(&person.access()).1["jti"])), 5);
    let seconds: BTreeSet<_> = logins
        .iter()
        .map(|person| decode(&person.access()).1["iat"].as_i64().unwrap())
        .collect();
    assert!(seconds.len() < 5, "no two of five logins were in one second");
}

fn a_login_takes_credentials_and_nothing_else(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    for (name, value) in [
        ("session_id", grace.session()),
        ("refresh_token", grace.refresh_token()),
        ("access_token", grace.access()),
        ("roles", "admin".to_owned()),
    ] {
        let mut body = json!({"email": grace.email, "password": PASSWORD});
        body[name] = json!(value);
        service
            .client()
            .post("/v1/auth/login", &body)
            .problem(400, "malformed-request");
    }
    // Whoever is logged in already gets a session of its own.
    let again = login(grace.client(), &grace.email, PASSWORD).ok(200);
    assert_ne!(again["session_id"], grace.pair["session_id"]);
}
