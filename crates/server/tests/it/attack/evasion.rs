//! Evading the throttle and the guards by rewriting requests.

use serde_json::json;

use crate::harness::measure::Random;
use crate::harness::openapi::operations;
use crate::harness::users::PASSWORD;

use super::remote_client::{RemoteClient, request};
use super::report::{ResponseCounts, Row, exceptions};
use super::target::{Target, admin};

/// The burst of one address.
const BURST: usize = 10;

/// The address of the trusted proxy.
const PROXY: [u8; 4] = [127, 202, 0, 1];

/// Formats an address for a header.
type Write = fn(&str) -> String;

/// Forwarding headers: the setting, the name, and the format of an address.
const HEADERS: [(&str, &str, Write); 2] = [
    ("x-forwarded-for", "X-Forwarded-For", str::to_owned),
    ("forwarded", "Forwarded", |address| format!("for={address}")),
];

/// Headers whose address other servers trust.
const TRUSTED_BY_OTHERS: [&str; 9] = [
    "X-Forwarded-For",
    "Forwarded",
    "X-Real-IP",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "X-Cluster-Client-IP",
    "X-Originating-IP",
    "Via",
];

pub fn by_forwarding(target: &Target<'_>) -> Vec<Row> {
    HEADERS
        .into_iter()
        .flat_map(|(setting, name, write)| forwarded(target, setting, name, write))
        .collect()
}

fn forwarded(target: &Target<'_>, setting: &str, name: &'static str, write: Write) -> Vec<Row> {
    let service = target
        .launch()
        .set("throttle.sensitive.per_minute", "1")
        .set("server.forwarded_header", setting)
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.202.0.0/16")
        .start();
    let tries = 100 * target.scale.min(10);
    let mut random = target.random();
    // An invalid login costs no hash: the throttle does not look at bodies.
    let send_login = |from, header: &str| {
        RemoteClient::at(from, service.address()).ask("POST", "/v1/auth/login", &[header], Some(&json!({})))
    };
    let row = |attack, expectation: &str, responses: &[_], holds: &dyn Fn(usize) -> bool| {
        let counts = ResponseCounts::of(responses);
        let is_known = counts.is_only(&[(400, "malformed-request"), (429, "rate-limited")]);
        let allowed = counts.count(400, "malformed-request");
        let outcome = format!("{name}: {counts}");
        Row::new(attack, expectation, outcome, is_known && holds(allowed))
    };
    // One more is refilled per minute, which a slow machine may take.
    let one_limit = |allowed| (BURST..=BURST + 2).contains(&allowed);

    let forged: Vec<_> = (0..tries)
        .map(|number| {
            let header = TRUSTED_BY_OTHERS[number % TRUSTED_BY_OTHERS.len()];
            let write = if header == "Forwarded" {
                HEADERS[1].2
            } else {
                HEADERS[0].2
            };
            let address = write(&address(&mut random));
            send_login([127, 203, 0, 1], &format!("{header}: {address}"))
        })
        .collect();
    let prefixed: Vec<_> = (0..tries)
        .map(|_| {
            let (forged, client) = (write(&address(&mut random)), write("192.0.2.77"));
            send_login(PROXY, &format!("{name}: {forged}, {client}"))
        })
        .collect();
    let clients: Vec<_> = (0..tries)
        .map(|number| {
            let client = write(&format!("198.51.{}.{}", number / 200, number % 200));
            send_login(PROXY, &format!("{name}: {client}"))
        })
        .collect();
    let garbage: Vec<_> = (0..tries)
        .map(|_| send_login([127, 202, 0, 2], &format!("{name}: {}", garbage(&mut random))))
        .collect();
    vec![
        row(
            "an address forged by a client",
            "one limit, that of the client",
            &forged,
            &one_limit,
        ),
        row(
            "an address forged in front of a proxy's",
            "one limit, that of the client named by the proxy",
            &prefixed,
            &one_limit,
        ),
        row(
            "many clients of one proxy",
            "a limit for each",
            &clients,
            &|allowed| allowed == tries,
        ),
        row(
            "garbage from a proxy",
            "one limit, that of the proxy; no error",
            &garbage,
            &one_limit,
        ),
    ]
}

/// A random address.
fn address(random: &mut Random) -> String {
    let octets: Vec<_> = (0..4).map(|_| (1 + random.below(250)).to_string()).collect();
    octets.join(".")
}

/// Text that resembles a list of addresses but contains none.
fn garbage(random: &mut Random) -> String {
    let pieces = [
        "for=",
        "For=\"",
        "\"",
        "\\",
        ",",
        ";",
        "=",
        "[",
        "]",
        ":",
        "::ffff:",
        "999.1.1.1",
        "1.2.3",
        "unknown",
        "_hidden",
        "\t",
        "0x7f.1",
        "127.1",
        "%00",
        "é",
        "-1",
        "[::1",
        "65536",
        "by=",
        "proto=https",
    ];
    let length = 1 + random.below(12);
    let text: String = (0..length).map(|_| *random.one_of(&pieces)).collect();
    // The last element is the proxy's; none of the elements is an address.
    format!("{text}, unknown")
}

/// Alternative spellings of a path.
fn spellings(path: &str) -> Vec<String> {
    let last = path.rfind('/').unwrap();
    let (front, name) = path.split_at(last + 1);
    let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
    let encoded = format!("%{:02x}", first.bytes().next().unwrap_or(b'/'));
    let mut spellings: Vec<String> = [
        "/", "//", "/.", "/./", "/..", ";", ";x", ";x=y", "?", "?x=1", "#", "#x", "%2f", "%2F", "%00", "%20",
        "%09", "%0d%0a", "%23", "%3f", ".", ".json", "..;/", "\\", "%5c", "%c0%af", "~",
    ]
    .iter()
    .map(|end| format!("{path}{end}"))
    .collect();
    spellings.extend(
        [
            "/",
            "//",
            "/.",
            "/./",
            "/%2e",
            "/%2e/",
            "/x/..",
            "/x/%2e%2e",
            "/health/live/..",
            "/docs/../..",
            "/.well-known/..;",
            "/%2f",
            "http://localhost",
            "http://elsewhere.example",
            "https://localhost:1",
            "http://localhost/.",
            "http://user@localhost",
            "//elsewhere.example",
        ]
        .iter()
        .map(|start| format!("{start}{path}")),
    );
    spellings.extend([
        path.to_uppercase(),
        path.replacen("/v1/", "/V1/", 1),
        path.replacen("/v1/", "/v1//", 1),
        path.replacen("/v1/", "/v1/./", 1),
        path.replacen("/v1/", "/v1/%2e/", 1),
        path.replacen("/v1/", "/v1;x/", 1),
        path.replacen("/v1/", "/v1/x/../", 1),
        path.replacen("/v1/", "/v1/x/%2e%2e/", 1),
        path.replacen("/v1/", "/v1/x/..%2f", 1),
        path.replacen("/v1/", "/v1%2f", 1),
        path.replacen("/v1/", "/v1%252f", 1),
        path.replacen("/v1/", "/v1\\", 1),
        path.replacen("/v1/", "/%76%31/", 1),
        format!("{front}{encoded}{rest}"),
        format!("{front}%25{}{rest}", encoded.trim_start_matches('%')),
        path.trim_start_matches('/').to_owned(),
    ]);
    spellings
}

/// Headers that make some servers treat a request as a different one.
fn overrides(method: &str, path: &str) -> Vec<String> {
    let mut headers: Vec<_> = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]
        .iter()
        .map(|name| format!("{name}: {method}"))
        .collect();
    headers.extend(
        [
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Path",
            "X-Forwarded-Prefix",
        ]
        .iter()
        .map(|name| format!("{name}: {path}")),
    );
    headers
}

/// Logins with the right password after the limit of the address is exhausted: none may be processed.
pub fn the_throttle_by_spelling(target: &Target<'_>) -> Vec<Row> {
    const PATH: &str = "/v1/auth/login";
    let service = target.launch().set("throttle.sensitive.per_minute", "1").start();
    let user = service.new_user("whose-path-is-spelt");
    let remote = RemoteClient::at([127, 204, 0, 1], service.address());
    let body = json!({"email": user.email, "password": PASSWORD});
    let first: Vec<_> = (0..BURST + 2).map(|_| remote.post(PATH, &json!({}))).collect();
    assert!(ResponseCounts::of(&first).count(429, "rate-limited") >= 1);
    let mut requests: Vec<_> = spellings(PATH)
        .iter()
        .map(|path| request("POST", path, &[], Some(&body)))
        .collect();
    for method in ["GET", "PUT", "PATCH", "post", "Post", "LOGIN", "HEAD", "OPTIONS"] {
        requests.push(request(
            method,
            PATH,
            &["X-HTTP-Method-Override: POST"],
            Some(&body),
        ));
    }
    for header in overrides("POST", PATH) {
        requests.push(request("POST", PATH, &[&header], Some(&body)));
        requests.push(request("POST", "/health/live", &[&header], Some(&body)));
    }
    for host in ["elsewhere.example", "LOCALHOST", "localhost:1", "127.0.0.1"] {
        let written = request("POST", PATH, &[], Some(&body));
        requests.push(written.replacen("Host: localhost", &format!("Host: {host}"), 1));
    }
    let mut evaded = Vec::new();
    let statuses: Vec<_> = requests
        .iter()
        .map(|request| {
            let status = remote
                .raw(request.as_bytes())
                .map_or(0, |response| response.status);
            if ![0, 400, 404, 405, 429].contains(&status) {
                evaded.push(format!("{status} to {}", request.lines().next().unwrap()));
            }
            status
        })
        .collect();
    let throttled = statuses.iter().filter(|status| **status == 429).count();
    vec![Row::new(
        "spellings of the path of a login",
        "not allowed: 429, or no such path",
        format!(
            "{} requests, {throttled} throttled, the others refused as nonsense, {}",
            requests.len(),
            exceptions(&evaded)
        ),
        evaded.is_empty() && throttled > 10,
    )]
}

/// Every guarded operation without a token, in every spelling: none may succeed.
pub fn the_guards_by_spelling(target: &Target<'_>) -> Vec<Row> {
    let service = target.launch().start();
    let (admin, client) = (admin(&service), service.client());
    let guarded: Vec<_> = operations(&client)
        .into_iter()
        .filter(|operation| operation.permission != "public")
        .collect();
    let mut requests = Vec::new();
    for operation in &guarded {
        let path = operation.path_of(&admin.id);
        let body = operation.body.as_ref().map(|_| json!({}));
        for spelling in spellings(&path).into_iter().chain([path.clone()]) {
            requests.push(request(&operation.method, &spelling, &[], body.as_ref()));
        }
        for header in overrides(&operation.method, &path) {
            for method in ["GET", "POST", "HEAD"] {
                requests.push(request(method, &path, &[&header], body.as_ref()));
                requests.push(request(method, "/v1/auth/login", &[&header], body.as_ref()));
            }
        }
    }
    let mut random = target.random();
    // At scale 1 only every third request, from a random start.
    let step = 3_usize.div_ceil(target.scale);
    let requests: Vec<_> = requests
        .into_iter()
        .skip(random.below(step))
        .step_by(step)
        .collect();
    let mut evaded = Vec::new();
    for request in &requests {
        let response =
            RemoteClient::at_random_address(&mut random, service.address()).raw(request.as_bytes());
        let status = response.map_or(400, |response| response.status);
        if !(400..500).contains(&status) {
            evaded.push(format!("{status} to {}", request.lines().next().unwrap()));
        }
    }
    let still_there = admin.client().get("/v1/auth/me").status == 200;
    vec![Row::new(
        "spellings of guarded paths, without a token",
        "every request is refused",
        format!(
            "{} operations, {} requests refused with 4xx, {}",
            guarded.len(),
            requests.len(),
            exceptions(&evaded)
        ),
        evaded.is_empty() && still_there,
    )]
}
