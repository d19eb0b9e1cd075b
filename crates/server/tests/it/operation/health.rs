//! `doorward health` against servers that are ready, not ready, or unreachable.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use tempfile::TempDir;

use crate::harness::database::Database;
use crate::harness::process::{ProcessResult, directory, doorward};
use crate::harness::raw;
use crate::harness::service::Launch;

/// Runs `doorward health` against a server that returns `response`; `address_flags` passes its address.
fn run_health(
    response: &'static str,
    address_flags: impl FnOnce(&TempDir, &str) -> Vec<String>,
) -> (ProcessResult, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream.write_all(response.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let directory = directory();
    let flags = address_flags(&directory, &address);
    let mut arguments = vec!["health"];
    arguments.extend(flags.iter().map(String::as_str));
    let ended = doorward(&directory, &arguments, &[]);
    (ended, server.join().unwrap())
}

/// Passes the address in the configuration.
fn configured(_: &TempDir, address: &str) -> Vec<String> {
    vec!["--set".into(), format!("server.management_listen={address}")]
}

#[test]
fn health_succeeds_when_the_server_is_ready() {
    let (ended, request) = run_health("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", configured);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "ready\n"), "{ended:?}");
    assert!(
        request.starts_with("GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1:"),
        "{request:?}"
    );
}

#[test]
fn the_bound_address_takes_precedence_over_the_configured_one() {
    let (ended, _) = run_health("HTTP/1.1 200 OK\r\n\r\n", |directory, address| {
        fs::create_dir(directory.path().join("data")).unwrap();
        fs::write(
            directory.path().join("data/management_listen"),
            format!("{address}\n"),
        )
        .unwrap();
        vec!["--set".into(), "server.management_listen=127.0.0.1:1".into()]
    });
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn a_server_bound_to_all_addresses_is_queried_on_loopback() {
    let (ended, _) = run_health("HTTP/1.1 200 OK\r\n\r\n", |directory, address| {
        configured(directory, &address.replace("127.0.0.1", "0.0.0.0"))
    });
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn any_other_response_is_reported_as_not_ready() {
    for response in [
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "HTTP/1.1 404 200\r\n\r\n",
        "SSH-2.0-x\r\n",
        "",
        "\x1b[2J 2",
    ] {
        let (ended, _) = run_health(response, configured);
        assert_eq!((ended.status, ended.stderr.lines().count()), (1, 1), "{ended:?}");
        assert!(
            ended.stderr.starts_with("doorward: not ready: ") && !ended.stderr.contains('\x1b'),
            "{ended:?}"
        );
    }
}

#[test]
fn an_unreachable_server_is_reported_as_not_ready() {
    let ended = doorward(
        &directory(),
        &["health", "--set", "server.management_listen=127.0.0.1:1"],
        &[],
    );
    assert_eq!((ended.status, ended.stderr.lines().count()), (1, 1), "{ended:?}");
}

/// A page whose name resolves to the operator's machine (DNS rebinding) cannot use the management listener.
#[test]
fn the_management_listener_rejects_names_that_can_be_registered() {
    let service = Launch::on(&Database::sqlite())
        .set("server.management_hosts", "metrics.example.com")
        .start();
    let get = |path: &str, host: &str| {
        let lines = [format!("GET {path} HTTP/1.1"), format!("Host: {host}")];
        raw::head(service.management_address(), &[&lines[0], &lines[1]]).unwrap()
    };
    for path in ["/metrics", "/health/ready", "/probes/x", "/nowhere"] {
        get(path, "evil.example:9080").problem(400, "malformed-request");
    }
    let address = service.management_address().to_string();
    for host in [
        &address,
        "localhost:9080",
        "doorward",
        "[::1]:9080",
        "metrics.example.com",
    ] {
        get("/health/ready", host).is(200);
    }
    // The public listener is used under any name.
    let public = raw::head(
        service.address(),
        &["GET /health/ready HTTP/1.1", "Host: auth.example.com"],
    );
    public.unwrap().is(200);
}
