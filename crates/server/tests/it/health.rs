//! `doorward health` against servers that answer well, badly or not at all.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use tempfile::TempDir;

use crate::support::{Ended, directory, doorward};

/// Asks a server that answers `answer`, whose address is told by `tell`.
fn ask(answer: &'static str, tell: impl FnOnce(&TempDir, &str) -> Vec<String>) -> (Ended, String) {
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
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let directory = directory();
    let flags = tell(&directory, &address);
    let mut arguments = vec!["health"];
    arguments.extend(flags.iter().map(String::as_str));
    let ended = doorward(&directory, &arguments, &[]);
    (ended, server.join().unwrap())
}

/// Tells the address as the configuration does.
fn configured(_: &TempDir, address: &str) -> Vec<String> {
    vec!["--set".into(), format!("server.management_listen={address}")]
}

#[test]
fn a_server_that_is_ready_is_ready() {
    let (ended, request) = ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", configured);
    assert_eq!((ended.status, ended.stdout.as_str()), (0, "ready\n"), "{ended:?}");
    assert!(
        request.starts_with("GET /health/ready HTTP/1.1\r\nHost: 127.0.0.1:"),
        "{request:?}"
    );
}

#[test]
fn the_address_that_was_bound_counts_more_than_the_one_configured() {
    let (ended, _) = ask("HTTP/1.1 200 OK\r\n\r\n", |directory, address| {
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
fn a_server_bound_to_every_address_is_asked_on_this_machine() {
    let (ended, _) = ask("HTTP/1.1 200 OK\r\n\r\n", |directory, address| {
        configured(directory, &address.replace("127.0.0.1", "0.0.0.0"))
    });
    assert_eq!(ended.status, 0, "{ended:?}");
}

#[test]
fn whatever_else_is_answered_is_not_ready() {
    for answer in [
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "HTTP/1.1 404 200\r\n\r\n",
        "SSH-2.0-x\r\n",
        "",
        "\x1b[2J 2",
    ] {
        let (ended, _) = ask(answer, configured);
        assert_eq!((ended.status, ended.stderr.lines().count()), (1, 1), "{ended:?}");
        assert!(
            ended.stderr.starts_with("doorward: not ready: ") && !ended.stderr.contains('\x1b'),
            "{ended:?}"
        );
    }
}

#[test]
fn a_server_that_is_not_there_is_not_ready() {
    let ended = doorward(
        &directory(),
        &["health", "--set", "server.management_listen=127.0.0.1:1"],
        &[],
    );
    assert_eq!((ended.status, ended.stderr.lines().count()), (1, 1), "{ended:?}");
}
