//! A user reads, updates and deletes their own account.

use serde_json::json;

use crate::harness::database::{Database, on_both_databases};
use crate::harness::response_schema::assert_user;
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser, login};

on_both_databases!(
    a_user_reads_and_updates_their_own_account,
    deleting_an_account_requires_its_password,
    the_last_administrator_cannot_be_removed,
);

fn a_user_reads_and_updates_their_own_account(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let response = grace.client().get("/v1/account");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert_eq!(response.ok(200), grace.pair["user"]);

    let patch = |body| grace.client().json("PATCH", "/v1/account", &body);
    let named = patch(json!({"name": "Gr\u{e4}ce \u{1f33b}"})).ok(200);
    assert_user(&named);
    assert_eq!(named["name"], "Gr\u{e4}ce \u{1f33b}");
    assert_eq!(patch(json!({})).ok(200), named);
    assert_eq!(grace.client().get("/v1/account").ok(200), named);
    assert_eq!(patch(json!({"name": null})).ok(200)["name"], json!(null));
    let problem = patch(json!({"name": "n".repeat(201)})).problem(422, "validation");
    assert_eq!(problem["errors"][0]["pointer"], "/name");
    for body in [json!({"email": "eve@example.org"}), json!({"roles": ["admin"]})] {
        patch(body).problem(400, "malformed-request");
    }
}

fn deleting_an_account_requires_its_password(database: &Database) {
    let service = Service::on(database);
    let grace = service.new_user("grace");
    let other = grace.login_again();
    let delete = |password: &str| {
        grace
            .client()
            .post("/v1/account/deletion", &json!({"password": password}))
    };
    delete("a wrong password").problem(401, "invalid-credentials");
    grace.client().get("/v1/account").ok(200);
    delete(PASSWORD).is_empty(204);
    for session in [&grace, &other] {
        session.try_refresh().problem(401, "invalid-refresh-token");
        session.client().get("/v1/account").problem(401, "invalid-token");
    }
    login(&service.client(), &grace.email, PASSWORD).problem(401, "invalid-credentials");
    // The address can be registered again, and the new account is a different one.
    let next = service.new_user("grace");
    assert_ne!(next.id, grace.id);
    grace.try_refresh().problem(401, "invalid-refresh-token");
}

fn the_last_administrator_cannot_be_removed(database: &Database) {
    let service = Service::on(database);
    let admin = service.admin();
    let body = json!({"password": PASSWORD});
    admin
        .client()
        .post("/v1/account/deletion", &body)
        .problem(409, "last-admin");
    let path = format!("{}/roles", admin.path());
    let demotion = json!({"roles": ["user"]});
    admin
        .client()
        .json("PUT", &path, &demotion)
        .problem(409, "last-admin");
    let disabling = json!({"status": "disabled"});
    admin
        .client()
        .json("PATCH", &admin.path(), &disabling)
        .problem(409, "last-admin");
    admin.client().delete(&admin.path()).problem(409, "last-admin");

    let second = json!({"email": "second@example.org", "password": PASSWORD, "roles": ["admin"]});
    let second = admin.client().post("/v1/users", &second).ok(201);
    let path = format!("/v1/users/{}", second["id"].as_str().unwrap());
    // A disabled administrator does not count.
    admin.client().json("PATCH", &path, &disabling).ok(200);
    admin
        .client()
        .post("/v1/account/deletion", &body)
        .problem(409, "last-admin");
    let enabling = json!({"status": "active"});
    admin.client().json("PATCH", &path, &enabling).ok(200);
    admin.client().post("/v1/account/deletion", &body).is_empty(204);
    TestUser::login(&service.client(), "second@example.org", PASSWORD)
        .client()
        .get("/v1/users")
        .ok(200);
}
