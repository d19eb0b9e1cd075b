//! What the attacks share: a database with an administrator, the seed, and the scale.

use std::sync::Mutex;

use crate::harness::database::Database;
use crate::harness::measure::Random;
use crate::harness::service::{Launch, Service};
use crate::harness::users::{PASSWORD, TestUser};

pub struct Target<'b> {
    database: &'b Database,
    /// The factor by which the number of requests exceeds that of an ordinary run.
    pub scale: usize,
    seed: u64,
    seeds: Mutex<Random>,
}

impl<'b> Target<'b> {
    pub fn new(database: &'b Database) -> Self {
        let number = |variable| std::env::var(variable).ok().map(|text| text.parse().unwrap());
        let scale = number("DOORWARD_ATTACK_SCALE").map_or(1, |scale| usize::try_from(scale).unwrap());
        let seed = number("DOORWARD_ATTACK_SEED").unwrap_or_else(|| u64::from(std::process::id()));
        Service::on(database).admin();
        Self {
            database,
            scale,
            seed,
            seeds: Mutex::new(Random::new(seed)),
        }
    }

    /// The database, scale and seed, to reproduce the run.
    pub fn title(&self) -> String {
        let database = match self.database.test_database().folder() {
            Some(_) => "SQLite",
            None => "PostgreSQL",
        };
        let Self { scale, seed, .. } = self;
        format!("attack, {database} (scale {scale}, seed {seed})")
    }

    /// A random number generator for one attack.
    pub fn random(&self) -> Random {
        Random::new(self.seeds.lock().unwrap().seed())
    }

    /// Runs a query that returns a number.
    pub fn number(&self, sql: &str) -> usize {
        usize::try_from(self.database.test_database().number(sql)).unwrap()
    }

    /// Cheap hashes, and everything else as in production.
    pub fn launch(&self) -> Launch {
        Launch::on(self.database).set("throttle.enabled", "true")
    }

    /// All settings as in production.
    pub fn launch_at_full_cost(&self) -> Launch {
        self.launch()
            .set("password.argon2.memory_kib", "19456")
            .set("password.argon2.iterations", "2")
    }
}

/// The administrator of every target.
pub fn admin(service: &Service) -> TestUser {
    TestUser::login(&service.client(), "root@example.org", PASSWORD)
}
