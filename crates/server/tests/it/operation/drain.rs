//! Draining: how an instance leaves service without a failed request.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::harness::client::Client;
use crate::harness::companion::free_address;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::measure::Stopwatch;
use crate::harness::nginx::Nginx;
use crate::harness::process::{directory, eventually};
use crate::harness::raw::{LIVE, ask};
use crate::harness::service::{Launch, Service};

on_both_databases!(no_request_fails_while_instances_restart_one_by_one);

/// A service that drains for this long.
fn draining_for(delay: &str) -> Service {
    Launch::on(&Database::sqlite())
        .set("server.drain_delay", delay)
        .start()
}

#[test]
fn while_draining_connections_are_accepted_and_every_response_closes_its_own() {
    let mut service = draining_for("5s");
    let kept = TcpStream::connect(service.address()).unwrap();
    service.management().get("/health/ready").ok(200);
    service.signal("TERM");
    eventually("the service is not ready", || {
        let response = service.client().get("/health/ready");
        (response.status == 503).then(|| assert_eq!(response.body()["status"], "draining"))
    });
    service.management().get("/health/ready").ok(503);
    let stopwatch = Stopwatch::start();
    let mut requests = 0;
    while stopwatch.read() < 2_500_000 {
        let response = ask(TcpStream::connect(service.address()).unwrap(), LIVE.as_bytes()).unwrap();
        response.is(200);
        assert_eq!(response.header("connection"), Some("close"), "{response:?}");
        service
            .client()
            .post("/v1/auth/refresh", &json!({"refresh_token": "x"}))
            .is(401);
        requests += 1;
        thread::sleep(Duration::from_millis(20));
    }
    assert!(requests > 3);
    let response = ask(kept, LIVE.as_bytes()).expect("a connection from before works");
    assert_eq!(response.header("connection"), Some("close"), "{response:?}");
    assert_eq!(service.wait().code(), Some(0));
    assert!(stopwatch.read() > 3_000_000);
}

#[test]
fn a_second_signal_ends_the_delay_and_sigint_has_none() {
    for (first, second) in [(Some("TERM"), "TERM"), (Some("TERM"), "INT"), (None, "INT")] {
        let mut service = draining_for("5m");
        if let Some(first) = first {
            service.signal(first);
            eventually("the service is not ready", || {
                (service.management().get("/health/ready").status == 503).then_some(())
            });
        }
        service.signal(second);
        assert_eq!(service.wait().code(), Some(0), "{first:?} {second}");
    }
}

#[test]
fn sighup_shuts_the_server_down_gracefully() {
    let mut service = draining_for("5m");
    service.client().get("/health/live").ok(200);
    service.signal("HUP");
    assert_eq!(service.wait().code(), Some(0));
    assert!(service.log().contains("\"stopped\""));
}

/// `nohup` ignores SIGHUP, and so does a server that it starts.
#[cfg(target_os = "linux")]
#[test]
fn sighup_stays_ignored_under_nohup() {
    let home = directory();
    let server = Launch::bare().command(home.path(), &["serve"]);
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(server.get_program())
        .args(server.get_args())
        .current_dir(home.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = eventually("the service serves", || {
        let text = std::fs::read_to_string(home.path().join("data/management_listen")).ok()?;
        text.trim_end().parse().ok()
    });
    crate::harness::process::signal(child.id(), "HUP");
    thread::sleep(Duration::from_millis(500));
    Client::new(address).get("/health/ready").ok(200);
    crate::harness::process::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A port that is free, for a service that keeps its address.
/// nginx without health checks: it notices only by what its requests meet. It may send a request on an idle connection at the moment
/// in which the instance closes that (RFC 9112, section 9.3.1), so it is told to try a POST again too, as the documentation advises.
fn no_request_fails_while_instances_restart_one_by_one(database: &Database) {
    const LINES: &str = "proxy_set_header Connection \"\"; proxy_next_upstream error timeout non_idempotent;";
    let mut services = [(); 2].map(|()| {
        Launch::on(database)
            .set("server.listen", &free_address().to_string())
            .set("server.drain_delay", "1s")
            .start()
    });
    let Some(nginx) = Nginx::balancing(&services.each_ref().map(Service::address), LINES) else {
        return;
    };
    let client = Client::new(nginx.address());
    let (is_over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let grace = services[0].new_user("grace");
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        client
                            .post("/v1/auth/refresh", &json!({"refresh_token": "x"}))
                            .problem(401, "invalid-refresh-token");
                        client.with_token(&grace.access()).get("/v1/account").ok(200);
                        done.fetch_add(2, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(2));
                    }
                })
            })
            .collect();
        let round = |services: &mut [Service; 2]| {
            for service in services {
                let before = done.load(Ordering::Relaxed);
                assert_eq!(service.terminate().code(), Some(0));
                service.restart();
                assert!(done.load(Ordering::Relaxed) > before + 20, "no load");
            }
        };
        // The clients must be stopped even if this fails.
        let rounds = thread::scope(|inner| {
            inner
                .spawn(|| {
                    for _ in 0..2 {
                        round(&mut services);
                    }
                })
                .join()
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(rounds.is_ok());
        for client in clients {
            client.join().unwrap();
        }
    });
}
