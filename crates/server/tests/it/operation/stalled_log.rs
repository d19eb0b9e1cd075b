//! A reader of the log that stalls must not stop the service.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};

use serde_json::Value;

use crate::harness::client::Client;
use crate::harness::process::{directory, eventually, signal};
use crate::harness::service::Launch;

/// More than the pipe (64 KiB) and the queue of the log hold.
const REQUESTS: usize = 6000;

/// A service whose standard error is a pipe, and clients of both listeners.
fn start(home: &Path) -> (Child, ChildStderr, Client, Client) {
    let mut child = Launch::bare()
        .set("throttle.enabled", "false")
        .set("log.level", "trace")
        .command(home, &["serve"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let client = |listener: &str| {
        let path = home.join("data").join(listener);
        let text = eventually("the service serves", || fs::read_to_string(&path).ok());
        Client::new(text.trim_end().parse().unwrap())
    };
    let (management, public) = (client("management_listen"), client("listen"));
    let stderr = child.stderr.take().unwrap();
    (child, stderr, public, management)
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    eventually("the service ends", || child.try_wait().unwrap())
}

#[test]
fn a_stalled_log_reader_stops_neither_requests_nor_a_graceful_end() {
    let home = directory();
    let (mut child, _unread, public, management) = start(home.path());
    for _ in 0..REQUESTS {
        public.get("/health/live").ok(200);
    }
    management.get("/health/ready").ok(200);
    let metrics = management.get("/metrics");
    let dropped = metrics.text().lines().find_map(|line| {
        line.strip_prefix("doorward_log_dropped_total ")?
            .parse::<u64>()
            .ok()
    });
    assert!(dropped.is_some_and(|dropped| dropped > 0), "{dropped:?}");
    signal(child.id(), "TERM");
    assert!(wait(&mut child).success());
}

#[test]
fn the_log_says_how_many_lines_were_dropped_once_it_is_read_again() {
    let home = directory();
    let (mut child, unread, public, _management) = start(home.path());
    for _ in 0..REQUESTS {
        public.get("/health/live").ok(200);
    }
    signal(child.id(), "TERM");
    let lines: Vec<Value> = BufReader::new(unread)
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    assert!(wait(&mut child).success());
    let message = |line: &Value| line["message"].as_str().unwrap_or_default().to_owned();
    let dropped = lines
        .iter()
        .find(|line| message(line).starts_with("log lines were dropped"));
    assert!(
        dropped.is_some_and(|line| line["dropped"].as_u64() > Some(0)),
        "{dropped:?}"
    );
    assert_eq!(message(lines.last().unwrap()), "stopped");
}
