//! The lane that hashes passwords: fairness between addresses, priority, and metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use crate::harness::client::Client;
use crate::harness::database::Database;
use crate::harness::measure::SetOnDrop;
use crate::harness::process::eventually;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, login, register};

/// A service with one hashing thread that is soon busy, and that trusts forwarding headers.
fn single_worker_service() -> Service {
    Launch::on(&Database::sqlite())
        .set("password.argon2.memory_kib", "32768")
        .set("lane.workers", "1")
        .set("lane.queue", "4")
        .set("lane.deadline", "20s")
        .env("DOORWARD_SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .start()
}

/// A client with this forwarded address.
fn from(service: &Service, address: &str) -> Client {
    service.client().with_header("x-forwarded-for", address)
}

/// The value of a metric; 0 if it is not reported.
fn metric(service: &Service, line: &str) -> u64 {
    service.metric(line).unwrap_or(0)
}

/// The name and the nice value of every thread of the service.
#[cfg(target_os = "linux")]
fn threads(service: &Service) -> Vec<(String, i64)> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", service.id())).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok())
        .map(|stat| {
            let (start, rest) = stat.rsplit_once(") ").unwrap();
            let (_, name) = start.split_once('(').unwrap();
            // `nice` is field 19 of `/proc/PID/task/TID/stat`; two fields precede the rest.
            let nice = rest.split(' ').nth(16).unwrap().parse().unwrap();
            (name.to_owned(), nice)
        })
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn hashing_threads_run_at_lower_priority() {
    let service = Service::on(&Database::sqlite());
    // A thread lowers its priority before it takes its first job.
    register(&service.client(), "grace@example.org");
    let usual = threads(&service)
        .into_iter()
        .find_map(|(name, nice)| name.starts_with("storage-").then_some(nice))
        .unwrap();
    let is_hashing = |name: &str| name.starts_with("password-");
    eventually("every hashing thread has lowered its priority", || {
        let hashing: Vec<_> = threads(&service)
            .into_iter()
            .filter(|(name, _)| is_hashing(name))
            .collect();
        let lowered = hashing.iter().all(|(_, nice)| *nice == (usual + 10).min(19));
        (hashing.len() == 2 && lowered).then_some(())
    });
    for (name, nice) in threads(&service) {
        assert!(is_hashing(&name) || nice == usual, "{name}: {nice}");
    }
}

/// A flood of logins from one address neither refuses nor delays the logins from another.
#[test]
fn one_address_cannot_starve_another() {
    let service = single_worker_service();
    register(&from(&service, "198.51.100.7"), "owner@example.org");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..12 {
            let flood = from(&service, "192.0.2.66");
            let (is_over, email) = (&is_over, format!("nobody{number}@example.org"));
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    login(&flood, &email, PASSWORD);
                }
            });
        }
        let over = SetOnDrop(&is_over);
        eventually("the queue overflows", || {
            let full = metric(
                &service,
                "doorward_lane_refused_total{lane=\"password\",reason=\"full\"}",
            );
            (full > 0).then_some(())
        });
        let responses: Vec<_> = (0..8)
            .map(|_| login(&from(&service, "198.51.100.7"), "owner@example.org", PASSWORD).status)
            .collect();
        drop(over);
        assert_eq!(responses, [200; 8]);
    });
    let displaced = "doorward_lane_refused_total{lane=\"password\",reason=\"displaced\"}";
    assert!(metric(&service, displaced) > 0);
}

#[test]
fn lane_metrics_report_running_and_waiting_jobs() {
    let service = single_worker_service();
    let count = "doorward_lane_wait_seconds_count{lane=\"password\"}";
    let running = "doorward_lane_running{lane=\"password\"}";
    let waiting = "doorward_lane_waiting{lane=\"password\"}";
    assert_eq!(metric(&service, count), 0);
    thread::scope(|scope| {
        let logins: Vec<_> = (0..4)
            .map(|number| {
                let client = from(&service, &format!("192.0.2.{number}"));
                scope.spawn(move || login(&client, &format!("nobody{number}@example.org"), PASSWORD).status)
            })
            .collect();
        eventually("one login runs and others wait", || {
            let busy = metric(&service, running) == 1 && metric(&service, waiting) > 0;
            (busy || logins.iter().all(thread::ScopedJoinHandle::is_finished)).then_some(())
        });
        for login in logins {
            assert_eq!(login.join().unwrap(), 401);
        }
    });
    assert_eq!(metric(&service, count), 4);
    // A response is sent just before its job ends.
    eventually("nothing runs and nothing waits", || {
        let busy = metric(&service, running) + metric(&service, waiting);
        (busy == 0).then_some(())
    });
    let storage = "doorward_lane_wait_seconds_count{lane=\"storage\"}";
    let before = metric(&service, storage);
    service
        .client()
        .post("/v1/auth/refresh", &json!({"refresh_token": "dwr_x"}));
    assert!(metric(&service, storage) > before);
}
