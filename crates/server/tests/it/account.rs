//! One's own account: seeing it, changing it, its sessions, its password, its end.

use serde_json::json;

use crate::backing::{Backing, on_both};
use crate::people::{PASSWORD, Person, login};
use crate::service::Service;
use crate::shapes::{assert_session, assert_user};

on_both!(
    one_sees_and_changes_ones_own_account,
    a_session_is_ended_by_its_id_alone,
    a_change_of_password_ends_every_other_session,
    a_new_password_is_held_to_the_rules,
    an_account_is_deleted_by_whoever_knows_its_password,
    the_last_administrator_cannot_leave,
    a_long_password_is_all_of_it,
);

fn one_sees_and_changes_ones_own_account(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    let answer = grace.client().get("/v1/account");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.ok(200), grace.pair["user"]);

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

fn a_session_is_ended_by_its_id_alone(backing: &Backing) {
    let service = Service::on(backing);
    let (grace, stranger) = (service.person("grace"), service.person("stranger"));
    let mut other = grace.again();
    let answer = grace.client().get("/v1/account/sessions");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let listed = answer.ok(200);
    let sessions = listed["sessions"].as_array().unwrap();
    sessions.iter().for_each(assert_session);
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        assert_eq!(session["current"], session["id"] == grace.session());
    }

    let path = format!("/v1/account/sessions/{}", other.session());
    stranger.client().delete(&path).problem(404, "not-found");
    other.refresh();
    grace.client().delete(&path).is_empty(204);
    other.try_refresh().problem(401, "invalid-refresh-token");
    grace.client().delete(&path).problem(404, "not-found");
    for nothing in [
        "x",
        "00000000-0000-7000-8000-000000000000",
        &grace.id,
        "%00",
        "%ff",
    ] {
        let path = format!("/v1/account/sessions/{nothing}");
        grace.client().delete(&path).problem(404, "not-found");
    }
    grace.try_refresh().ok(200);
    stranger.try_refresh().ok(200);
}

fn a_change_of_password_ends_every_other_session(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    let mut grace = service.person("grace");
    let other = grace.again();
    let new = "eight calm gooseberries";
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        grace.client().post("/v1/account/password", &body)
    };
    change("a wrong password", new).problem(401, "invalid-credentials");
    other.try_refresh().ok(200);
    change(PASSWORD, new).is_empty(204);
    other.try_refresh().problem(401, "invalid-refresh-token");
    login(&client, &grace.email, PASSWORD).problem(401, "invalid-credentials");
    let back = Person::login(&client, &grace.email, new);
    grace.refresh();
    assert_eq!(back.id, grace.id);
}

fn a_new_password_is_held_to_the_rules(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    for (new, code) in [
        (PASSWORD, "unchanged"),
        ("hunter2", "too-short"),
        ("grace@example.org", "derived-password"),
        ("password1", "common-password"),
        (&"p".repeat(257), "too-long"),
    ] {
        let body = json!({"current_password": PASSWORD, "new_password": new});
        let answer = grace.client().post("/v1/account/password", &body);
        let problem = answer.problem(422, "validation");
        assert_eq!(problem["errors"][0]["pointer"], "/new_password", "{answer:?}");
        assert_eq!(problem["errors"][0]["code"], code, "{answer:?}");
        assert!(!answer.text().contains(new), "{answer:?}");
    }
    // None of them counted as a guess.
    grace.again();
}

fn an_account_is_deleted_by_whoever_knows_its_password(backing: &Backing) {
    let service = Service::on(backing);
    let grace = service.person("grace");
    let other = grace.again();
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
    // The address is free again, and whoever takes it is somebody else.
    let next = service.person("grace");
    assert_ne!(next.id, grace.id);
    grace.try_refresh().problem(401, "invalid-refresh-token");
}

fn the_last_administrator_cannot_leave(backing: &Backing) {
    let service = Service::on(backing);
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
    Person::login(&service.client(), "second@example.org", PASSWORD)
        .client()
        .get("/v1/users")
        .ok(200);
}

/// Where passwords were hashed by bcrypt, all that came after the 72nd byte counted for nothing.
fn a_long_password_is_all_of_it(backing: &Backing) {
    let service = Service::on(backing);
    let client = service.client();
    let password = "correct horse battery staple, ".repeat(4)[..99].to_owned() + "Z";
    assert_eq!(password.len(), 100);
    let body = json!({"email": "grace@example.org", "password": password});
    client.post("/v1/auth/register", &body).ok(201);
    let upper_case = password.to_uppercase();
    for other in [
        &password[..72],
        &password[..99],
        &format!("{}Y", &password[..99]),
        &password.to_lowercase(),
    ] {
        login(&client, "grace@example.org", other).problem(401, "invalid-credentials");
    }
    login(&client, "grace@example.org", &password).ok(200);
    for other in [
        &format!("{password} "),
        &format!(" {password}"),
        &upper_case,
        &format!("{password}\u{301}"),
    ] {
        login(&client, "grace@example.org", other).problem(401, "invalid-credentials");
    }
    login(&client, "grace@example.org", &password).ok(200);

    // The longest there may be, and one that is composed and decomposed.
    let accented = "\u{fc}berm\u{e4}\u{df}ig gr\u{fc}ne stachelbeeren ".repeat(10);
    let longest: String = accented.chars().take(256).collect();
    let body = json!({"email": "ada@example.org", "password": longest});
    client.post("/v1/auth/register", &body).ok(201);
    let decomposed = longest
        .replace('\u{fc}', "u\u{308}")
        .replace('\u{e4}', "a\u{308}");
    login(&client, "ada@example.org", &decomposed).ok(200);
    let shorter: String = longest.chars().take(255).collect();
    login(&client, "ada@example.org", &shorter).problem(401, "invalid-credentials");
}
