//! Malformed request bodies, on every operation that takes a body.

use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::database::{Database, on_both_databases};
use crate::harness::openapi::{Body, Operation, operations};
use crate::harness::raw::exchange;
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser};

on_both_databases!(
    a_body_that_is_not_the_expected_object_is_rejected,
    unknown_missing_and_mistyped_members_are_rejected,
    a_body_of_another_media_type_is_rejected,
    a_body_larger_than_the_limit_is_rejected,
    special_characters_are_stored_unchanged_or_rejected,
);

/// A text that must not be repeated in a response.
const SECRET: &str = "hunter2 and hunter3";

/// An administrator, a user that operations apply to, and the operations that take a body.
struct Fixture {
    admin: TestUser,
    bystander: TestUser,
    operations: Vec<Operation>,
}

impl Fixture {
    fn new(service: &Service) -> Self {
        let mut operations = operations(&service.client());
        operations.retain(|operation| operation.body.is_some());
        assert!(operations.len() >= 11);
        Self {
            admin: service.admin(),
            bystander: service.new_user("bystander"),
            operations,
        }
    }

    fn client(&self) -> Client {
        self.admin
            .client()
            .with_header("content-type", "application/json")
    }

    /// Sends these bytes to each operation.
    fn each(&self, client: &Client, bytes: &[u8], check: impl Fn(&Operation, &Response)) {
        for operation in &self.operations {
            check(operation, &self.send(client, operation, bytes));
        }
    }

    fn send(&self, client: &Client, operation: &Operation, bytes: &[u8]) -> Response {
        let path = operation.path_of(&self.bystander.id);
        let response = client.send(&operation.method, &path, Some(bytes.to_vec()));
        assert!(!response.text().contains("hunter"), "{response:?}");
        response
    }

    fn refuse(&self, operation: &Operation, bytes: &[u8]) {
        let response = self.send(&self.client(), operation, bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
        assert_eq!(
            (response.status, &response.body()["code"]),
            (400, &json!("malformed-request")),
            "{shown}: {response:?}"
        );
    }

    /// Asserts that nothing has changed.
    fn assert_untouched(&self) {
        self.bystander.try_refresh().ok(200);
        let bystander = self.bystander.login_again();
        assert_eq!(bystander.pair["user"], self.bystander.pair["user"]);
        self.admin.try_refresh().ok(200);
        let admin = self.admin.login_again();
        assert_eq!(admin.pair["user"], self.admin.pair["user"]);
        let users = admin.client().get("/v1/users").ok(200);
        assert_eq!(users["users"].as_array().unwrap().len(), 2);
    }
}

/// A valid value for the member of that name.
fn sample(name: &str) -> Value {
    match name {
        "email" => json!("mallory@example.org"),
        "roles" => json!(["user"]),
        "status" => json!("active"),
        _ => json!(SECRET),
    }
}

/// A body of the right shape.
fn meant(body: &Body) -> Value {
    body.members
        .keys()
        .map(|name| (name.clone(), sample(name)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn a_body_that_is_not_the_expected_object_is_rejected(database: &Database) {
    let service = Service::on(database);
    let fixture = Fixture::new(&service);
    let deep_lists = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(2500), "}".repeat(2500));
    let long_number = "1".repeat(15_000);
    for operation in &fixture.operations {
        let body = operation.body.as_ref().unwrap();
        let good = meant(body).to_string();
        let in_order: Value = body.members.keys().map(|name| sample(name)).collect();
        let single_quoted = good.replace('"', "'");
        for text in [
            "",
            " ",
            "{",
            "}",
            "null",
            "true",
            "1",
            "-",
            "1e999",
            "NaN",
            "\"hunter2\"",
            "\"\\ud800\"",
            "[]",
            "[{}]",
            "hunter2",
            "<hunter2/>",
            "email=hunter2&password=hunter2",
            &deep_lists,
            &deep_objects,
            &long_number,
            &single_quoted,
            &in_order.to_string(),
            &format!("[{good}]"),
            &format!("{good}{good}"),
            &format!("{good} x"),
            &format!("{good},"),
            &format!("\u{feff}{good}"),
            &format!("//\n{good}"),
            &good.replace('}', ",}"),
            &good[..good.len() - 1],
        ] {
            fixture.refuse(operation, text.as_bytes());
        }
        let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [
            utf_16.as_slice(),
            b"\xff\xfe",
            b"\0",
            b"{\0}",
            b"\x80{}",
            &[good.as_bytes(), b"\0"].concat(),
            &[good.as_bytes(), b"\xff"].concat(),
        ] {
            fixture.refuse(operation, bytes);
        }
    }
    fixture.assert_untouched();
}

fn unknown_missing_and_mistyped_members_are_rejected(database: &Database) {
    let service = Service::on(database);
    let fixture = Fixture::new(&service);
    for operation in &fixture.operations {
        let body = operation.body.as_ref().unwrap();
        let good = meant(body).to_string();
        for unknown in ["hunter2", "id", "is_admin", "__proto__", "", "Email", "email "] {
            let member = format!("{{{}:1,", json!(unknown));
            fixture.refuse(operation, good.replacen('{', &member, 1).as_bytes());
        }
        for (name, schema) in &body.members {
            let value = sample(name).to_string();
            let pair = format!("\"{name}\":{value}");
            assert!(good.contains(&pair));
            let put = |instead: &str| good.replacen(&pair, instead, 1);
            fixture.refuse(operation, put(&format!("{pair},{pair}")).as_bytes());
            if body.required.contains(name) {
                let mut without = meant(body);
                without.as_object_mut().unwrap().remove(name);
                fixture.refuse(operation, without.to_string().as_bytes());
            }
            for wrong in wrong_values(name, schema) {
                let text = put(&format!("\"{name}\":{wrong}"));
                fixture.refuse(operation, text.as_bytes());
            }
            // Inside a string value of this member.
            let (before, after) = good.split_at(good.find(&pair).unwrap() + pair.len() - 2);
            for bytes in [
                b"\0".as_slice(),
                b"\xff",
                b"\xc0\x80",
                b"\xed\xa0\x80",
                b"\xf5\x80\x80\x80",
                b"\xe2\x82",
                b"\n",
                b"\x1b",
                b"\\u0000",
                b"\\\\\\u0000",
                b"\\ud800",
                b"\\ud800\\ud800",
                b"\\udc00\\ud800",
                b"\\u12",
                b"\\x00",
                b"\\",
            ] {
                let text = [before.as_bytes(), bytes, after.as_bytes()].concat();
                fixture.refuse(operation, &text);
            }
        }
    }
    fixture.assert_untouched();
}

/// Values that do not match the schema of this member.
fn wrong_values(name: &str, schema: &Value) -> Vec<String> {
    let mut wrong: Vec<String> = [
        "0",
        "-1.5",
        "1e400",
        "true",
        "{}",
        "{\"hunter2\":1}",
        "[[]]",
        "[null]",
        "[1]",
    ]
    .map(str::to_owned)
    .into();
    wrong.push(format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    wrong.push("9".repeat(400));
    if name == "roles" {
        wrong.push("\"user\"".into());
    } else {
        wrong.push("[\"hunter2\"]".into());
        wrong.push("[]".into());
    }
    let said = schema.to_string();
    if !said.contains("null") {
        wrong.push("null".into());
    }
    wrong
}

fn a_body_of_another_media_type_is_rejected(database: &Database) {
    let service = Service::on(database);
    let fixture = Fixture::new(&service);
    let admin = fixture.admin.client();
    let refused = |_: &Operation, response: &Response| {
        response.problem(415, "unsupported-media-type");
    };
    fixture.each(admin, b"{}", refused);
    for value in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
        "application/json;charset=utf-16",
        "application/jsonp",
        "application/vnd.api+json",
        "application/json, text/plain",
        "json",
        "",
    ] {
        fixture.each(&admin.with_header("content-type", value), b"{}", refused);
    }
    let doubled = fixture.client().with_header("content-type", "application/json");
    fixture.each(&doubled, b"{}", refused);
    for coding in ["gzip", "br", "deflate", "gzip, gzip", "x"] {
        let client = fixture.client().with_header("content-encoding", coding);
        fixture.each(&client, b"\x1f\x8b\x08\0\0\0\0\0\0\x03", refused);
    }
    let quoted = admin.with_header("content-type", "Application/JSON; charset=\"UTF-8\"");
    fixture.each(&quoted, b"nonsense", |_, response| {
        response.problem(400, "malformed-request");
    });
    fixture.assert_untouched();
}

fn a_body_larger_than_the_limit_is_rejected(database: &Database) {
    let service = Service::on(database);
    let fixture = Fixture::new(&service);
    let padded = |length: usize| ["nonsense", &" ".repeat(length - 8)].concat().into_bytes();
    fixture.each(&fixture.client(), &padded(16 * 1024), |_, response| {
        response.problem(400, "malformed-request");
    });
    for length in [16 * 1024 + 1, 100_000, 1024 * 1024] {
        for operation in &fixture.operations {
            let response = large(&service, &fixture, operation, &padded(length), false);
            response.problem(413, "payload-too-large");
            let response = large(&service, &fixture, operation, &padded(length), true);
            response.problem(413, "payload-too-large");
        }
    }
    // A password of a megabyte is not hashed.
    let password = "x".repeat(1024 * 1024);
    for operation in &fixture.operations {
        let names = operation.body.as_ref().unwrap().members.keys();
        if let Some(name) = names.into_iter().find(|name| name.contains("password")) {
            let body = json!({ name: password }).to_string();
            let response = large(&service, &fixture, operation, body.as_bytes(), false);
            response.problem(413, "payload-too-large");
        }
    }
    fixture.assert_untouched();
}

/// Sends a body that the server need not read to its end, with a length or in chunks.
fn large(
    service: &Service,
    fixture: &Fixture,
    operation: &Operation,
    body: &[u8],
    chunked: bool,
) -> Response {
    let path = operation.path_of(&fixture.bystander.id);
    let framing = if chunked {
        "Transfer-Encoding: chunked".to_owned()
    } else {
        format!("Content-Length: {}", body.len())
    };
    let head = format!(
        "{} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\n{framing}\r\n\r\n",
        operation.method,
        fixture.admin.access()
    );
    let mut request = head.into_bytes();
    if chunked {
        for chunk in body.chunks(8000) {
            request.extend(format!("{:x}\r\n", chunk.len()).bytes());
            request.extend(chunk);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
    } else {
        request.extend(body);
    }
    let response = exchange(service.address(), &request);
    let response = response.unwrap_or_else(|| panic!("no response to {}", operation.name()));
    response.assert_well_formed();
    response
}

fn special_characters_are_stored_unchanged_or_rejected(database: &Database) {
    let service = Service::on(database);
    let client = service.client();
    let grace = service.new_user("grace");
    for (text, kept) in [
        ("'; DROP TABLE users; --", true),
        ("\\' \" ` $1 ? % _ {}", true),
        ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}", true),
        ("\u{fffd}\u{ffff}\u{10ffff}", true),
        ("\u{202e}gnirts", true),
        ("\u{feff}", true),
        ("\u{7f}", false),
        ("\u{80}", false),
        ("\u{1}", false),
        ("a\tb", false),
    ] {
        let body = json!({"name": text});
        let response = grace.client().json("PATCH", "/v1/account", &body);
        if kept && response.status == 200 {
            assert_eq!(response.body()["name"], text);
            assert_eq!(grace.client().get("/v1/account").ok(200)["name"], text);
        } else {
            response.problem(422, "validation");
        }
        let body = json!({"email": text, "password": text});
        client
            .post("/v1/auth/login", &body)
            .problem(401, "invalid-credentials");
        let body = json!({"email": format!("{text}@example.org"), "password": PASSWORD});
        let response = client.post("/v1/auth/register", &body);
        assert!([201, 422].contains(&response.status), "{response:?}");
        let query: String = text
            .bytes()
            .fold(String::new(), |query, byte| query + &format!("%{byte:02x}"));
        let path = format!("/v1/users?email={query}&role={query}");
        grace.client().get(&path).problem(403, "forbidden");
    }
}
