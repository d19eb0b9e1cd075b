//! The figures of requests that are asked one after the other, each beside its limit.

use std::time::Duration;

use crate::Outcome;
use crate::clients::{Asking, LoggingOut, Refreshing, Registering};
use crate::clock::now;
use crate::database::{Kind, Plain};
use crate::limits::{Argon2Alone, BareUpdates, ed25519};
use crate::load::Client;
use crate::process::written;
use crate::report::{Figure, Target};
use crate::server::Server;
use crate::slices::{Crowd, Plan};
use crate::stats::number;
use crate::world::{PASSWORD, World};

/// Clients of routes that wait for the processor or the disk: as many as keep the server busy.
const CLIENTS: u64 = 16;
/// Clients of routes that are answered from memory.
const MANY_CLIENTS: u64 = 32;
/// The clients of routes that hash.
const HASHING_CLIENTS: u64 = 8;
/// How many accounts each client logs in to, in turn.
const ACCOUNTS: u64 = 100;

/// The first session used for each purpose, so that none meets another's.
const REFRESHED: u64 = 1;
const UPDATED: u64 = 1_001;
const ASKED_ABOUT: u64 = 2_001;
const LOGGED_OUT: u64 = 10_001;

/// How many sessions there have to be.
pub(crate) const SESSIONS: u64 = LOGGED_OUT + 50_000;

/// A server on one database, and what there is to measure on it.
pub(crate) struct Bench<'a> {
    pub(crate) plan: Plan,
    pub(crate) kind: Kind,
    pub(crate) server: &'a Server,
    pub(crate) world: &'a World,
    pub(crate) cores: usize,
}

impl Bench<'_> {
    fn name(&self, what: &str) -> String {
        format!("{what}, {}", self.kind.name())
    }

    /// Bytes that have been written so far on behalf of the server.
    fn bytes_written(&self) -> Outcome<u64> {
        match self.kind {
            Kind::Sqlite => written(self.server.pid()),
            Kind::Postgres => Plain::connect(&self.world.url)?.wal_bytes(),
        }
    }

    /// Has a crowd ask for that long, and adds what was written meanwhile if it counts.
    fn ask_and_weigh<C: Client + 'static>(
        &self,
        crowd: &mut Crowd<'_, C>,
        duration: Duration,
        counts: bool,
        bytes: &mut u64,
    ) -> Outcome<f64> {
        let before = self.bytes_written()?;
        let rate = crowd.ask(duration, counts)?;
        if counts {
            *bytes += self.bytes_written()?.saturating_sub(before);
        }
        Ok(rate)
    }

    /// Logins and registrations, beside argon2 on all cores.
    pub(crate) fn hashing(&self, figures: &mut Vec<Figure>) -> Outcome<()> {
        let mut argon2 = Argon2Alone::new(self.cores)?;
        let limit = format!("argon2 alone, {} threads", self.cores);
        let clients = (0..HASHING_CLIENTS)
            .map(|client| {
                let emails: Vec<_> = (1..=ACCOUNTS)
                    .map(|account| World::email(client * ACCOUNTS + account))
                    .collect();
                Asking::login(&emails, PASSWORD)
            })
            .collect();
        let mut crowd = Crowd::new(self.server, clients);
        let mut bytes = 0;
        let (runs, limits) = self.plan.alternate(
            |duration, counts| self.ask_and_weigh(&mut crowd, duration, counts, &mut bytes),
            |duration| argon2.measure(duration),
        )?;
        let figure = crowd.figure(self.name("login"), &runs);
        figures.push(
            figure
                .beside(&limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.92)),
        );
        figures.push(self.bytes_per("login", bytes, crowd.count()));

        let clients = (0..HASHING_CLIENTS)
            .map(|client| Registering::new(format!("new-{}-{client}", now().as_micros()), PASSWORD))
            .collect();
        let mut crowd = Crowd::new(self.server, clients);
        let (runs, limits) = self.plan.alternate(
            |duration, counts| crowd.ask(duration, counts),
            |duration| argon2.measure(duration),
        )?;
        figures.push(crowd.figure(self.name("register"), &runs).beside(&limit, &limits));
        Ok(())
    }

    /// Refreshes and logouts, beside bare updates.
    pub(crate) fn writing(&self, figures: &mut Vec<Figure>) -> Outcome<()> {
        // As many as the storage lane has.
        let connections = u64::try_from((self.cores * 4).max(8) - self.cores)?;
        let mut bare = BareUpdates::connect(self.world, connections, UPDATED)?;
        let limit = format!("update and commit, {connections} connections");
        let tokens = self.world.refresh_tokens(REFRESHED, REFRESHED + CLIENTS)?;
        let mut crowd = Crowd::new(
            self.server,
            tokens.iter().map(|token| Refreshing::new(token)).collect(),
        );
        let mut bytes = 0;
        let (runs, limits) = self.plan.alternate(
            |duration, counts| self.ask_and_weigh(&mut crowd, duration, counts, &mut bytes),
            |duration| bare.measure(duration),
        )?;
        let figure = crowd.figure(self.name("refresh"), &runs);
        figures.push(
            figure
                .beside(&limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.60)),
        );
        figures.push(self.bytes_per("refresh", bytes, crowd.count()));
        self.logging_out(&mut bare, &limit, figures)
    }

    /// Each session can be ended once, so this goes by their number and not by time.
    fn logging_out(&self, bare: &mut BareUpdates, limit: &str, figures: &mut Vec<Figure>) -> Outcome<()> {
        const EACH: u64 = 60;
        let (mut runs, mut limits) = (Vec::new(), Vec::new());
        let mut next = LOGGED_OUT;
        let mut crowd = Crowd::new(self.server, Vec::new());
        for _ in 0..self.plan.rounds {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                clients.push(LoggingOut::new(self.world.refresh_tokens(next, next + EACH)?));
                next += EACH;
            }
            crowd.replace(clients);
            runs.push(crowd.ask(Duration::from_secs(60), true)?);
            limits.push(bare.measure(self.plan.slice / 2)?);
        }
        figures.push(crowd.figure(self.name("logout"), &runs).beside(limit, &limits));
        Ok(())
    }

    /// What is answered from memory, beside the same library answering a constant.
    pub(crate) fn answering(&self, constant: &Server, figures: &mut Vec<Figure>) -> Outcome<()> {
        let limit = "the library answering a constant";
        let clients: Vec<_> = self
            .access_tokens(MANY_CLIENTS)?
            .iter()
            .map(|token| Asking::me(token))
            .collect();
        let mut crowd = Crowd::new(self.server, clients);
        let mut constants = Crowd::new(constant, (0..MANY_CLIENTS).map(|_| Asking::constant()).collect());
        let (runs, limits) = self.plan.alternate(
            |duration, counts| crowd.ask(duration, counts),
            |duration| constants.ask(duration, true),
        )?;
        figures.push(
            crowd
                .figure("me", &runs)
                .beside(limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.60)),
        );
        // The clients' own work flatters a ratio of rates, because both have it in them; processor time leaves it out.
        let cpu = Figure::new("me, processor time of the server", "µs", &[crowd.server_cpu()]);
        figures.push(cpu.beside(limit, &[constants.server_cpu()]));
        figures.push(constants.figure("the constant", &limits));

        let mut crowd = Crowd::new(self.server, (0..MANY_CLIENTS).map(|_| Asking::jwks()).collect());
        let (runs, limits) = self.plan.alternate(
            |duration, counts| crowd.ask(duration, counts),
            |duration| constants.ask(duration, true),
        )?;
        figures.push(crowd.figure("jwks", &runs).beside(limit, &limits));

        let runs: Vec<f64> = (0..self.plan.rounds)
            .map(|_| ed25519(self.plan.slice / 4))
            .collect::<Outcome<_>>()?;
        let micros: Vec<f64> = runs.iter().map(|rate| 1_000_000.0 / rate).collect();
        figures.push(Figure::new("Ed25519 verification alone", "µs", &micros));
        Ok(())
    }

    /// Access tokens of so many sessions, brought by a refresh each.
    pub(crate) fn access_tokens(&self, count: u64) -> Outcome<Vec<String>> {
        let tokens = self.world.refresh_tokens(ASKED_ABOUT, ASKED_ABOUT + count)?;
        let clients = tokens.iter().map(|token| Refreshing::new(token)).collect();
        let mut crowd = Crowd::new(self.server, clients);
        crowd.ask(Duration::from_millis(50), false)?;
        Ok(crowd
            .clients()
            .into_iter()
            .map(|client| client.access_token)
            .collect())
    }

    fn bytes_per(&self, what: &str, bytes: u64, count: u64) -> Figure {
        let name = format!("written a {what}, {}", self.kind.name());
        Figure::new(name, "bytes", &[number(bytes) / number(count.max(1))])
    }
}
