//! Administrators manage the accounts of other users.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::client::Client;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::{assert_members, assert_session, assert_user, decode};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser, login, text};

on_both_databases!(
    users_are_listed_page_by_page,
    users_are_filtered_by_role_status_and_email,
    an_administrator_creates_an_account,
    a_role_change_takes_effect_at_the_next_refresh,
    invalid_roles_are_rejected,
    disabling_a_user_ends_its_sessions_permanently,
    an_administrator_unlocks_an_account,
    an_administrator_lists_and_ends_sessions,
    an_administrator_deletes_an_account,
    only_the_owner_and_administrators_can_read_a_profile,
);

/// Reads all pages of the list, and returns the e-mail addresses.
fn walk(client: &Client, query: &str) -> Vec<String> {
    let (mut emails, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/users?{query}{cursor}")).ok(200);
        for user in page["users"].as_array().unwrap() {
            assert_user(user);
            emails.push(text(&user["email"]));
        }
        assert!(emails.len() < 1000);
        match page.get("next_cursor") {
            Some(next) => {
                assert_members(&page, &["users", "next_cursor"]);
                cursor = format!("&cursor={}", text(next));
            }
            None => return emails,
        }
    }
}

fn users_are_listed_page_by_page(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let mut expected = vec![admin.email.clone()];
    for number in 0..11 {
        let email = format!("user{number}@example.org");
        let body = json!({"email": email, "password": PASSWORD});
        admin.client().post("/v1/users", &body).ok(201);
        expected.push(email);
    }
    for limit in [1, 3, 4, 11, 12, 13, 100] {
        assert_eq!(
            walk(admin.client(), &format!("limit={limit}")),
            expected,
            "limit {limit}"
        );
    }
    let page = admin.client().get("/v1/users").ok(200);
    assert_members(&page, &["users"]);
    assert_eq!(page["users"].as_array().unwrap().len(), 12);

    // Users deleted and registered between two pages do not shift the others.
    let first = admin.client().get("/v1/users?limit=6").ok(200);
    let third = text(&first["users"][2]["id"]);
    admin.client().delete(&format!("/v1/users/{third}")).is_empty(204);
    service.new_user("late");
    let cursor = text(&first["next_cursor"]);
    let rest = walk(admin.client(), &format!("cursor={cursor}"));
    assert_eq!(rest[..6], expected[6..]);
    assert_eq!(rest[6..], ["late@example.org"]);
}

fn users_are_filtered_by_role_status_and_email(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    for (name, roles, status) in [
        ("a", json!(["user", "billing"]), "active"),
        ("b", json!(["billing"]), "disabled"),
        ("c", json!(["user"]), "disabled"),
        ("d", json!([]), "active"),
        ("e", json!(["billing"]), "active"),
    ] {
        let body = json!({"email": format!("{name}@Example.org"), "password": PASSWORD, "roles": roles});
        let response = admin.client().post("/v1/users", &body);
        let user = response.ok(201);
        let path = format!("/v1/users/{}", text(&user["id"]));
        admin
            .client()
            .json("PATCH", &path, &json!({"status": status}))
            .ok(200);
    }
    let list = |query: &str| {
        let emails = walk(admin.client(), &format!("limit=1&{query}"));
        assert_eq!(emails, walk(admin.client(), query), "{query}");
        emails
            .iter()
            .map(|email| email.split('@').next().unwrap())
            .collect::<String>()
    };
    assert_eq!(list("role=billing"), "abe");
    assert_eq!(list("role=billing&status=active"), "ae");
    assert_eq!(list("status=disabled"), "bc");
    assert_eq!(list("status=active&role=user"), "roota");
    assert_eq!(list("role=admin"), "root");
    assert_eq!(list("role=nobody-has-it"), "");
    assert_eq!(list("email=A@eXAMPLE.org"), "a");
    assert_eq!(list("email=a%40example.org&status=disabled"), "");
    assert_eq!(list("email=unknown@example.org"), "");
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=abc",
        "limit=",
        "limit=1&limit=2",
        "limit=99999999999999999999",
        "status=gone",
        "status=Active",
        "role=",
        "role=Admin",
        "role=%00",
        "email=%00",
        "email=nobody",
        "email=a%00@example.org",
        "cursor=",
        "cursor=%00",
        "cursor=abc",
        "cursor=%27%20OR%201=1",
        "sort=email",
        "limit=1&x=%ff",
        "%00=1",
    ] {
        let path = format!("/v1/users?{query}");
        admin.client().get(&path).problem(400, "malformed-request");
    }
}

fn an_administrator_creates_an_account(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let body = json!({"email": "grace@example.org", "password": PASSWORD, "name": "Grace", "roles": ["billing", "user", "billing"]});
    let response = admin.client().post("/v1/users", &body);
    let user = response.ok(201);
    assert_user(&user);
    assert_eq!(user["roles"], json!(["billing", "user"]));
    let grace = TestUser::login(&service.client(), "grace@example.org", PASSWORD);
    assert_eq!(grace.pair["user"], user);
    assert_eq!(admin.client().get(&grace.path()).ok(200), user);

    admin
        .client()
        .post("/v1/users", &body)
        .problem(409, "email-taken");
    let body = json!({"email": "x", "password": "hunter2", "roles": ["Admin"]});
    let response = admin.client().post("/v1/users", &body);
    let problem = response.problem(422, "validation");
    let pointers: BTreeSet<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| text(&e["pointer"]))
        .collect();
    assert!(
        pointers.contains("/email") && pointers.contains("/password"),
        "{response:?}"
    );
    assert!(pointers.contains("/roles/0"), "{response:?}");
}

fn a_role_change_takes_effect_at_the_next_refresh(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let mut grace = service.new_user("grace");
    let path = format!("{}/roles", grace.path());
    let set = |roles: Value| admin.client().json("PUT", &path, &json!({"roles": roles}));
    let promoted = set(json!(["user", "admin"])).ok(200);
    assert_user(&promoted);
    assert_eq!(promoted["roles"], json!(["admin", "user"]));
    grace.refresh();
    assert_eq!(grace.pair["user"]["roles"], json!(["admin", "user"]));
    assert_eq!(decode(&grace.access()).1["roles"], json!(["admin", "user"]));
    grace.client().get("/v1/users").ok(200);

    // Roles come from the store and never from the old token: a demoted administrator loses the role.
    set(json!(["billing"])).ok(200);
    grace.refresh();
    assert_eq!(decode(&grace.access()).1["roles"], json!(["billing"]));
    grace.client().get("/v1/users").problem(403, "forbidden");
    let me = grace.client().get("/v1/auth/me").ok(200);
    assert_eq!(me["roles"], json!(["billing"]));
    set(json!([])).ok(200);
    grace.refresh();
    assert_eq!(grace.pair["user"]["roles"], json!([]));
}

fn invalid_roles_are_rejected(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    let path = format!("{}/roles", grace.path());
    for role in ["", "Admin", "1a", "a b", "admin\n", "\u{e9}", &"a".repeat(33)] {
        let response = admin
            .client()
            .json("PUT", &path, &json!({"roles": ["user", role]}));
        let problem = response.problem(422, "validation");
        assert_eq!(problem["errors"][0]["pointer"], "/roles/1", "{response:?}");
    }
    let many: Vec<_> = (0..33).map(|number| format!("r{number}")).collect();
    let response = admin.client().json("PUT", &path, &json!({"roles": many}));
    let problem = response.problem(422, "validation");
    assert_eq!(problem["errors"][0]["pointer"], "/roles");
    let most = json!({"roles": many[..32]});
    admin.client().json("PUT", &path, &most).ok(200);
    let mut grace = grace;
    grace.refresh();
    grace.client().get("/v1/auth/me").ok(200);
}

fn disabling_a_user_ends_its_sessions_permanently(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    let set = |body: Value| admin.client().json("PATCH", &grace.path(), &body);
    let disabled = set(json!({"status": "disabled"})).ok(200);
    assert_user(&disabled);
    assert_eq!(disabled["status"], "disabled");
    grace.try_refresh().problem(401, "invalid-refresh-token");
    login(&service.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");

    assert_eq!(set(json!({"status": "active"})).ok(200)["status"], "active");
    grace.try_refresh().problem(401, "invalid-refresh-token");
    grace.login_again();

    let both = set(json!({"name": "Grace", "status": "disabled"})).ok(200);
    assert_eq!(
        (&both["name"], &both["status"]),
        (&json!("Grace"), &json!("disabled"))
    );
    for body in [
        json!({"status": null}),
        json!({"status": "Disabled"}),
        json!({"status": "deleted"}),
        json!({"email": "x@example.org"}),
    ] {
        set(body).problem(400, "malformed-request");
    }
}

fn an_administrator_unlocks_an_account(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    for _ in 0..5 {
        login(&service.client(), &grace.email, "a wrong password").problem(401, "invalid-credentials");
    }
    login(&service.client(), &grace.email, PASSWORD).problem(429, "too-many-attempts");
    let unlock = format!("{}/unlock", grace.path());
    admin.client().post_empty(&unlock).is_empty(204);
    grace.login_again();
    admin.client().post_empty(&unlock).is_empty(204);
}

fn an_administrator_lists_and_ends_sessions(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    let other = grace.login_again();
    let path = format!("{}/sessions", grace.path());
    let listed = admin.client().get(&path).ok(200);
    assert_members(&listed, &["sessions"]);
    let sessions = listed["sessions"].as_array().unwrap();
    sessions.iter().for_each(assert_session);
    let ids: BTreeSet<_> = sessions.iter().map(|session| text(&session["id"])).collect();
    assert_eq!(ids, BTreeSet::from([grace.session(), other.session()]));
    assert!(sessions.iter().all(|session| session["current"] == false));

    admin.client().delete(&path).is_empty(204);
    for ended in [&grace, &other] {
        ended.try_refresh().problem(401, "invalid-refresh-token");
    }
    assert_eq!(admin.client().get(&path).ok(200), json!({"sessions": []}));
    admin.try_refresh().ok(200);
    grace.login_again();
}

fn an_administrator_deletes_an_account(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let grace = service.new_user("grace");
    admin.client().delete(&grace.path()).is_empty(204);
    grace.try_refresh().problem(401, "invalid-refresh-token");
    login(&service.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");
    for (method, path, body) in [
        ("GET", String::new(), None),
        ("PATCH", String::new(), Some(json!({"name": "x"}))),
        ("DELETE", String::new(), None),
        ("PUT", "/roles".into(), Some(json!({"roles": []}))),
        ("POST", "/unlock".into(), None),
        ("GET", "/sessions".into(), None),
        ("DELETE", "/sessions".into(), None),
    ] {
        for user in [grace.path(), "/v1/users/x".into(), "/v1/users/%00".into()] {
            let path = format!("{user}{path}");
            let response = match &body {
                Some(body) => admin.client().json(method, &path, body),
                None => admin.client().send(method, &path, None),
            };
            response.problem(404, "not-found");
        }
    }
    assert_ne!(service.new_user("grace").id, grace.id);
}

/// An id is no permission: other users' profiles are refused whether or not they exist.
fn only_the_owner_and_administrators_can_read_a_profile(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let (grace, ada) = (service.new_user("grace"), service.new_user("ada"));
    assert_eq!(grace.client().get(&grace.path()).ok(200), grace.pair["user"]);
    assert_eq!(admin.client().get(&grace.path()).ok(200), grace.pair["user"]);
    let mut refusals = BTreeSet::new();
    for id in [
        ada.id.as_str(),
        "00000000-0000-7000-8000-000000000000",
        "x",
        "%00",
        &grace.id.to_uppercase(),
    ] {
        let mut problem = grace
            .client()
            .get(&format!("/v1/users/{id}"))
            .problem(403, "forbidden");
        problem["request_id"] = Value::Null;
        refusals.insert(problem.to_string());
    }
    assert_eq!(refusals.len(), 1);
}
