//! Behind a real reverse proxy: whose requests are whose, and what the operator is told about it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::Stdio;

use crate::backing::Backing;
use crate::nginx::Nginx;
use crate::raw;
use crate::service::{Launch, Service};

/// The usual way to forward: what the client sent, and then where it came from.
const X_FORWARDED_FOR: &str = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

/// The standard way (RFC 7239), added to what the client sent.
const FORWARDED: &str = "proxy_set_header Forwarded \"$http_forwarded, for=$remote_addr;proto=$scheme\";";

/// A service that lets an address knock three times an hour, more or less.
fn launch() -> Launch {
    Launch::on(&Backing::sqlite())
        .set("throttle.enabled", "true")
        .set("throttle.sensitive.burst", "3")
        .set("throttle.sensitive.per_minute", "1")
}

/// The same, trusting the proxies at this address.
fn trusting(launch: Launch) -> Launch {
    launch.env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.1")
}

/// A login that costs next to nothing, from this address of loopback and with these lines in its head.
fn knock(proxy: SocketAddr, from: &str, lines: &str) -> u16 {
    let request = format!(
        "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n{lines}\r\n{{}}"
    );
    let stream = raw::connect_from(from.parse().unwrap(), proxy);
    raw::exchange_on(stream, request.as_bytes())
        .unwrap_or_else(|| panic!("no answer to {from}"))
        .status
}

/// Three knocks are open, the fourth is not.
fn uses_up(proxy: SocketAddr, from: &str, lines: &str) {
    for _ in 0..3 {
        assert_eq!(knock(proxy, from, lines), 400, "{from} {lines}");
    }
    assert_eq!(knock(proxy, from, lines), 429, "{from} {lines}");
}

/// What the doctor says of the way through this proxy, and whether it finds it sound.
fn doctor(service: &Service, proxy: SocketAddr) -> (i32, String) {
    let ended = service.run(&["doctor", "--url", &format!("http://{proxy}")], "");
    (ended.status, ended.stdout)
}

#[test]
fn behind_a_trusted_proxy_clients_are_told_apart() {
    let service = trusting(launch()).start();
    let Some(nginx) = Nginx::before(service.address(), X_FORWARDED_FOR) else {
        return;
    };
    let proxy = nginx.address();
    uses_up(proxy, "127.0.0.2", "");
    uses_up(proxy, "127.0.0.3", "");
    // Whatever a client adds stands left of what the proxy does.
    for forged in [
        "X-Forwarded-For: 192.0.2.1\r\n",
        "X-Forwarded-For: 192.0.2.2, 127.0.0.1\r\n",
        "X-Forwarded-For: 192.0.2.3\r\nX-Forwarded-For: \"192.0.2.4\r\n",
        "Forwarded: for=192.0.2.5\r\n",
        "X-Real-IP: 192.0.2.6\r\n",
    ] {
        assert_eq!(knock(proxy, "127.0.0.2", forged), 429, "{forged}");
    }
    assert_eq!(knock(proxy, "127.0.0.4", ""), 400);
    // Spellings of the path that the proxy tidies up, or does not.
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
fn behind_a_proxy_that_is_not_trusted_all_are_one_and_the_operator_is_told() {
    let service = launch().start();
    let Some(nginx) = Nginx::before(service.address(), X_FORWARDED_FOR) else {
        return;
    };
    let proxy = nginx.address();
    uses_up(proxy, "127.0.0.2", "");
    assert_eq!(knock(proxy, "127.0.0.3", ""), 429);
    assert_eq!(
        service.log().matches("is not in server.trusted_proxies").count(),
        1
    );
    let metrics = service.operator().get("/metrics");
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
fn the_standard_header_does_as_well() {
    let service = trusting(launch())
        .set("server.forwarded_header", "forwarded")
        .start();
    let Some(nginx) = Nginx::before(service.address(), FORWARDED) else {
        return;
    };
    let proxy = nginx.address();
    uses_up(proxy, "127.0.0.2", "");
    uses_up(proxy, "127.0.0.3", "");
    for forged in [
        "Forwarded: for=192.0.2.1\r\n",
        "Forwarded: for=\"192.0.2.2\r\n",
        "Forwarded: for=192.0.2.3;by=\"\\\r\n",
        "X-Forwarded-For: 192.0.2.4\r\n",
    ] {
        assert_eq!(knock(proxy, "127.0.0.2", forged), 429, "{forged}");
    }
    assert_eq!(doctor(&service, proxy).0, 0);
}

#[test]
fn the_doctor_finds_a_proxy_that_forwards_nothing_or_in_the_other_header() {
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
fn the_doctor_knows_when_there_is_no_proxy_and_when_nobody_comes() {
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

/// It speaks no TLS, so it lets the request be sent by whoever does.
#[test]
fn the_doctor_waits_for_a_request_over_tls() {
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
        .with("x-doorward-probe", &name)
        .get("/health/live")
        .ok(200);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(doctor.wait().unwrap().success(), "{rest}");
    assert!(rest.contains("the peer sends no forwarding header"), "{rest}");
}

/// Nobody but the operator learns anything from a probe, or leaves anything behind with one.
#[test]
fn probes_are_for_the_operator_alone() {
    let service = Service::on(&Backing::sqlite());
    service.client().post_nothing("/probes").problem(404, "not-found");
    let made = service.operator().post_nothing("/probes").ok(201);
    let name = made["probe"].as_str().unwrap();
    let path = format!("/probes/{name}");
    service.client().get(&path).problem(404, "not-found");
    assert!(service.operator().get(&path).ok(200)["seen"].is_null());

    let plain = service.client().get("/health/live");
    let with = |value: &str| {
        service
            .client()
            .with("x-doorward-probe", value)
            .get("/health/live")
    };
    let (probing, guessing) = (with(name), with("019aa000-0000-7000-8000-000000000000"));
    for answer in [&probing, &guessing] {
        assert_eq!(answer.status, plain.status);
        assert_eq!(answer.text(), plain.text());
        assert_eq!(answer.header_names(), plain.header_names());
    }
    let seen = service.operator().get(&path).ok(200);
    assert_eq!(seen["seen"]["client"], "127.0.0.1");
    assert_eq!(seen["seen"]["trusted"], false);
    service
        .operator()
        .get("/probes/019aa000-0000-7000-8000-000000000000")
        .problem(404, "not-found");
    // The oldest makes way.
    for _ in 0..16 {
        service.operator().post_nothing("/probes").ok(201);
    }
    service.operator().get(&path).problem(404, "not-found");
}
