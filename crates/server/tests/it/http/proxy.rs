//! Behind a real reverse proxy: how clients are distinguished, and what `doorward doctor` reports.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::Stdio;

use crate::harness::database::Database;
use crate::harness::nginx::Nginx;
use crate::harness::raw;
use crate::harness::service::{Launch, Service};

/// The usual header: what the client sent, followed by the client's address.
const X_FORWARDED_FOR: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

/// The standard header (RFC 7239), appended to what the client sent.
const FORWARDED: &str = "proxy_set_header Forwarded \"$http_forwarded, for=$remote_addr;proto=$scheme\";";

/// A service that allows three logins per address, and about one more per minute.
fn launch() -> Launch {
    Launch::on(&Database::sqlite())
        .set("throttle.enabled", "true")
        .set("throttle.sensitive.burst", "3")
        .set("throttle.sensitive.per_minute", "1")
}

/// The same, with the proxy trusted.
fn trusting(launch: Launch) -> Launch {
    launch.env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.1")
}

/// Sends an invalid login, which costs no hash, from this loopback address with these header lines.
fn send_login(proxy: SocketAddr, from: &str, lines: &str) -> u16 {
    let request = format!(
        "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n{lines}\r\n{{}}"
    );
    let stream = raw::connect_from(from.parse().unwrap(), proxy);
    raw::exchange_on(stream, request.as_bytes())
        .unwrap_or_else(|| panic!("no response to {from}"))
        .status
}

/// Sends three logins that are allowed, and one that is throttled.
fn exhaust_limit(proxy: SocketAddr, from: &str, lines: &str) {
    for _ in 0..3 {
        assert_eq!(send_login(proxy, from, lines), 400, "{from} {lines}");
    }
    assert_eq!(send_login(proxy, from, lines), 429, "{from} {lines}");
}

/// The exit status and output of `doorward doctor` for this proxy.
fn doctor(service: &Service, proxy: SocketAddr) -> (i32, String) {
    let ended = service.run(&["doctor", "--url", &format!("http://{proxy}")], "");
    (ended.status, ended.stdout)
}

#[test]
fn clients_behind_a_trusted_proxy_are_throttled_separately() {
    let service = trusting(launch()).start();
    let Some(nginx) = Nginx::before(service.address(), X_FORWARDED_FOR) else {
        return;
    };
    let proxy = nginx.address();
    exhaust_limit(proxy, "127.0.0.2", "");
    exhaust_limit(proxy, "127.0.0.3", "");
    // Addresses that a client adds stand left of the one that the proxy adds.
    for forged in [
        "X-Forwarded-For: 192.0.2.1\r\n",
        "X-Forwarded-For: 192.0.2.2, 127.0.0.1\r\n",
        "X-Forwarded-For: 192.0.2.3\r\nX-Forwarded-For: \"192.0.2.4\r\n",
        "Forwarded: for=192.0.2.5\r\n",
        "X-Real-IP: 192.0.2.6\r\n",
    ] {
        assert_eq!(send_login(proxy, "127.0.0.2", forged), 429, "{forged}");
    }
    assert_eq!(send_login(proxy, "127.0.0.4", ""), 400);
    // Spellings of the path that the proxy may or may not normalize.
    for path in ["//v1/auth/login", "/v1/auth/%6cogin", "/v1/auth/../auth/login"] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let stream = raw::connect_from([127, 0, 0, 2].into(), proxy);
        let status = raw::exchange_on(stream, request.as_bytes()).unwrap().status;
        assert!([404, 429].contains(&status), "{path}: {status}");
    }
    assert!(!service.log().contains("is not in server.trusted_proxies"));
    let (status, said) = doctor(&service, proxy);
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("(trusted proxy)") && said.contains("ok: "),
        "{said}"
    );
}

#[test]
fn clients_behind_an_untrusted_proxy_share_one_limit_and_a_warning_is_logged() {
    let service = launch().start();
    let Some(nginx) = Nginx::before(service.address(), X_FORWARDED_FOR) else {
        return;
    };
    let proxy = nginx.address();
    exhaust_limit(proxy, "127.0.0.2", "");
    assert_eq!(send_login(proxy, "127.0.0.3", ""), 429);
    assert_eq!(
        service.log().matches("is not in server.trusted_proxies").count(),
        1
    );
    let metrics = service.management().get("/metrics");
    let line = metrics
        .text()
        .lines()
        .find(|line| line.starts_with("doorward_forwarding_ignored_total "));
    assert_eq!(line, Some("doorward_forwarding_ignored_total 5"));
    let (status, said) = doctor(&service, proxy);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("wrong: the peer 127.0.0.1 is not in server.trusted_proxies"),
        "{said}"
    );
}

#[test]
fn the_rfc_7239_forwarded_header_is_supported() {
    let service = trusting(launch())
        .set("server.forwarded_header", "forwarded")
        .start();
    let Some(nginx) = Nginx::before(service.address(), FORWARDED) else {
        return;
    };
    let proxy = nginx.address();
    exhaust_limit(proxy, "127.0.0.2", "");
    exhaust_limit(proxy, "127.0.0.3", "");
    for forged in [
        "Forwarded: for=192.0.2.1\r\n",
        "Forwarded: for=\"192.0.2.2\r\n",
        "Forwarded: for=192.0.2.3;by=\"\\\r\n",
        "X-Forwarded-For: 192.0.2.4\r\n",
    ] {
        assert_eq!(send_login(proxy, "127.0.0.2", forged), 429, "{forged}");
    }
    assert_eq!(doctor(&service, proxy).0, 0);
}

/// A proxy that follows RFC 7239: it appends to the line, and quotes what it repeats. The client's quote is not closed.
#[test]
fn a_quote_of_the_client_does_not_hide_what_the_proxy_appends() {
    let service = trusting(launch())
        .set("server.forwarded_header", "forwarded")
        .start();
    let lines = r#"set $appended 'proto=http;host="$http_host";for="$remote_addr:_port"';
        proxy_set_header Forwarded "$http_forwarded, $appended";"#;
    let Some(nginx) = Nginx::before(service.address(), lines) else {
        return;
    };
    let forge = |number: u8| {
        let request = format!(
            "POST /v1/auth/login HTTP/1.1\r\nHost: a,for=6.6.6.{number};x=\r\nForwarded: for=\"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        let stream = raw::connect_from([127, 0, 0, 2].into(), nginx.address());
        raw::exchange_on(stream, request.as_bytes()).unwrap().status
    };
    assert_eq!([1, 2, 3].map(forge), [400; 3]);
    assert_eq!(forge(4), 429, "the client chose another address");
    assert_eq!(send_login(nginx.address(), "127.0.0.2", ""), 429);
    assert_eq!(
        send_login(nginx.address(), "127.0.0.3", ""),
        400,
        "the proxy's own limit"
    );
}

#[test]
fn doctor_detects_a_proxy_that_does_not_send_the_configured_header() {
    let service = trusting(launch()).start();
    for (lines, words) in [
        ("", "sends no x-forwarded-for"),
        (FORWARDED, "but server.forwarded_header is x-forwarded-for"),
    ] {
        let Some(nginx) = Nginx::before(service.address(), lines) else {
            return;
        };
        let (status, said) = doctor(&service, nginx.address());
        assert_eq!(status, 1, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn doctor_reports_a_direct_request_and_a_missing_one() {
    let service = launch().start();
    let (status, said) = doctor(&service, service.address());
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("note: the request came straight to the server"),
        "{said}"
    );

    let other = launch().start();
    let url = format!("http://{}", other.address());
    let ended = service.run(&["doctor", "--url", &url], "");
    assert_eq!(ended.status, 1);
    assert!(ended.stderr.contains("no request to http://"), "{}", ended.stderr);
    for url in [
        "ftp://example.org",
        "http://u@example.org",
        "nonsense",
        "http://example.org/?x",
    ] {
        assert_eq!(service.run(&["doctor", "--url", url], "").status, 78, "{url}");
    }
}

/// `doctor` has no TLS client, so it prints a command that sends the request.
#[test]
fn doctor_waits_for_a_request_over_tls() {
    let url = "https://auth.example.org";
    let service = launch().set("server.public_url", url).start();
    let mut doctor = service
        .command(&["doctor", "--url", url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(doctor.stdout.take().unwrap());
    let name = loop {
        let mut line = String::new();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended");
        if let Some((_, rest)) = line.split_once("curl -H 'x-doorward-probe: ") {
            let (name, target) = rest.split_once("' ").unwrap();
            assert_eq!(target.trim_end(), "https://auth.example.org/health/live");
            break name.to_owned();
        }
    };
    service
        .client()
        .with_header("x-doorward-probe", &name)
        .get("/health/live")
        .ok(200);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(doctor.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("the peer sends no forwarding header"), "{rest}");
}

/// Only the management listener shows proxy checks, and other clients cannot create any.
#[test]
fn proxy_checks_are_visible_on_the_management_listener_only() {
    let service = Service::on(&Database::sqlite());
    service.client().post_empty("/probes").problem(404, "not-found");
    let made = service.management().post_empty("/probes").ok(201);
    let name = made["probe"].as_str().unwrap();
    let path = format!("/probes/{name}");
    service.client().get(&path).problem(404, "not-found");
    assert!(service.management().get(&path).ok(200)["seen"].is_null());

    let plain = service.client().get("/health/live");
    let with = |value: &str| {
        service
            .client()
            .with_header("x-doorward-probe", value)
            .get("/health/live")
    };
    let (known, unknown) = (with(name), with("019aa000-0000-7000-8000-000000000000"));
    for response in [&known, &unknown] {
        assert_eq!(response.status, plain.status);
        assert_eq!(response.text(), plain.text());
        assert_eq!(response.header_names(), plain.header_names());
    }
    let seen = service.management().get(&path).ok(200);
    assert_eq!(seen["seen"]["client"], "127.0.0.1");
    assert_eq!(seen["seen"]["trusted"], false);
    service
        .management()
        .get("/probes/019aa000-0000-7000-8000-000000000000")
        .problem(404, "not-found");
    // The oldest check is evicted.
    for _ in 0..16 {
        service.management().post_empty("/probes").ok(201);
    }
    service.management().get(&path).problem(404, "not-found");
}
