//! The instances that clients use, and that are killed and restarted.

use std::net::SocketAddr;
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use crate::harness::database::Database;
use crate::harness::measure::{Micros, Random, Stopwatch};
use crate::harness::process::eventually;
use crate::harness::service::{Launch, Service};

use super::history::Outage;

/// The configured grace window.
pub const GRACE: Duration = Duration::from_secs(1);

/// One process of an instance.
#[derive(Clone, Copy)]
pub struct Incarnation {
    pub address: SocketAddr,
    /// When it was started.
    pub started_at: Micros,
}

struct Instance {
    service: Mutex<Service>,
    /// `None` while it is being started.
    serving: RwLock<Option<Incarnation>>,
}

/// Instances on one database.
pub struct Cluster {
    pub stopwatch: Stopwatch,
    instances: Vec<Instance>,
    outages: Mutex<Vec<Outage>>,
}

impl Cluster {
    pub fn new(database: &Database, instances: usize) -> Self {
        let stopwatch = Stopwatch::start();
        let start = |_| {
            let started_at = stopwatch.read();
            let grace = format!("{}s", GRACE.as_secs());
            let service = Launch::on(database)
                .set("tokens.refresh_grace", &grace)
                .set("tokens.max_sessions", "10000")
                .set("database.max_connections", "12")
                .set("lane.queue", "256")
                .set("lane.deadline", "20s")
                .start();
            let address = service.address();
            Instance {
                service: Mutex::new(service),
                serving: RwLock::new(Some(Incarnation { address, started_at })),
            }
        };
        Self {
            stopwatch,
            instances: (0..instances).map(start).collect(),
            outages: Mutex::default(),
        }
    }

    pub fn size(&self) -> usize {
        self.instances.len()
    }

    /// The process that serves as this instance now.
    pub fn serving(&self, instance: usize) -> Option<Incarnation> {
        *self.instances[instance].serving.read().unwrap()
    }

    /// A random instance that serves, and its process.
    pub fn any_serving(&self, random: &mut Random) -> (usize, Incarnation) {
        eventually("an instance serves", || {
            let instance = random.below(self.size());
            Some((instance, self.serving(instance)?))
        })
    }

    /// Kills an instance with SIGKILL and starts it again.
    pub fn kill_and_restart(&self, instance: usize) {
        let killed = &self.instances[instance];
        let mut service = killed.service.lock().unwrap();
        let from = self.stopwatch.read();
        // Requests in progress are cut off; new ones go to other instances.
        *killed.serving.write().unwrap() = None;
        service.kill();
        let started_at = self.stopwatch.read();
        service.restart();
        let address = service.address();
        *killed.serving.write().unwrap() = Some(Incarnation { address, started_at });
        let until = self.stopwatch.read();
        self.outages.lock().unwrap().push(Outage {
            instance,
            from,
            until,
        });
    }

    /// All outages so far.
    pub fn outages(&self) -> Vec<Outage> {
        self.outages.lock().unwrap().clone()
    }

    /// The log of an instance.
    pub fn log(&self, instance: usize) -> String {
        self.instances[instance].service.lock().unwrap().log()
    }
}
