//! The instances that are asked, and killed.

use std::net::SocketAddr;
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use crate::backing::Backing;
use crate::service::{Launch, Service};
use crate::support::eventually;

use super::history::{Micros, Outage};

/// How long after a rotation the token before it is answered.
pub const GRACE: Duration = Duration::from_secs(1);

/// The clock of a test, which never goes back.
#[derive(Clone, Copy)]
pub struct Watch(Instant);

impl Watch {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that measures delays reads a clock"
    )]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test that measures delays reads a clock"
    )]
    pub fn read(self) -> Micros {
        u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

/// Small random numbers (SplitMix64): a seed is enough to draw the same ones again.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number less than this.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap();
        usize::try_from(self.draw() % bound).unwrap()
    }

    /// One of these.
    pub fn one_of<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    /// Seeds for others.
    pub fn seed(&mut self) -> u64 {
        self.draw()
    }
}

/// One process among those that an instance has been.
#[derive(Clone, Copy)]
pub struct Incarnation {
    pub address: SocketAddr,
    /// When it was started.
    pub born: Micros,
}

struct Instance {
    service: Mutex<Service>,
    /// `None` while it is being started.
    serving: RwLock<Option<Incarnation>>,
}

/// Instances over one database.
pub struct World {
    pub watch: Watch,
    instances: Vec<Instance>,
    outages: Mutex<Vec<Outage>>,
}

impl World {
    pub fn new(backing: &Backing, instances: usize) -> Self {
        let watch = Watch::start();
        let start = |_| {
            let born = watch.read();
            let grace = format!("{}s", GRACE.as_secs());
            let service = Launch::on(backing)
                .set("tokens.refresh_grace", &grace)
                .set("tokens.max_sessions", "10000")
                .set("database.max_connections", "12")
                .set("lane.queue", "256")
                .set("lane.deadline", "20s")
                .start();
            let address = service.address();
            Instance {
                service: Mutex::new(service),
                serving: RwLock::new(Some(Incarnation { address, born })),
            }
        };
        Self {
            watch,
            instances: (0..instances).map(start).collect(),
            outages: Mutex::default(),
        }
    }

    pub fn size(&self) -> usize {
        self.instances.len()
    }

    /// Who serves as this instance now.
    pub fn serving(&self, instance: usize) -> Option<Incarnation> {
        *self.instances[instance].serving.read().unwrap()
    }

    /// Some instance that serves, and who serves as it.
    pub fn any_serving(&self, dice: &mut Dice) -> (usize, Incarnation) {
        eventually("an instance serves", || {
            let instance = dice.below(self.size());
            Some((instance, self.serving(instance)?))
        })
    }

    /// Kills an instance at this very instant and starts it again.
    pub fn kill_and_restart(&self, instance: usize) {
        let killed = &self.instances[instance];
        let mut service = killed.service.lock().unwrap();
        let from = self.watch.read();
        // Whoever is being answered now is cut off; nobody need knock at a closed door.
        *killed.serving.write().unwrap() = None;
        service.kill();
        let born = self.watch.read();
        service.start_again();
        let address = service.address();
        *killed.serving.write().unwrap() = Some(Incarnation { address, born });
        let until = self.watch.read();
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

    /// What an instance has logged.
    pub fn log(&self, instance: usize) -> String {
        self.instances[instance].service.lock().unwrap().log()
    }
}
