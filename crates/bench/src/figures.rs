//! The figures of single routes, each compared with its limit.

use std::time::Duration;

use crate::BenchResult;
use crate::bench_data::{BenchData, PASSWORD};
use crate::clients::{LogoutClient, RefreshClient, RegisterClient, RepeatClient};
use crate::clock::now;
use crate::database::{Kind, PlainConnection};
use crate::limits::{Argon2Alone, BareUpdates, ed25519};
use crate::load::Client;
use crate::process::written;
use crate::report::{Figure, Target};
use crate::server::Server;
use crate::slices::{ClientGroup, Plan};
use crate::stats::number;

/// Clients of routes that wait for the disk: enough to keep the server busy.
const CLIENTS: u64 = 16;
/// Clients of routes that only need memory.
const MANY_CLIENTS: u64 = 32;
/// Clients of routes that hash passwords.
const HASHING_CLIENTS: u64 = 8;
/// Accounts that each client logs in to in turn.
const ACCOUNTS: u64 = 100;

/// The first session for each purpose. The ranges do not overlap.
const REFRESHED: u64 = 1;
const UPDATED: u64 = 1_001;
const READ: u64 = 2_001;
const LOGGED_OUT: u64 = 10_001;

/// The number of sessions needed.
pub(crate) const SESSIONS: u64 = LOGGED_OUT + 50_000;

/// A running server and its data, to measure.
pub(crate) struct Bench<'a> {
    pub(crate) plan: Plan,
    pub(crate) kind: Kind,
    pub(crate) server: &'a Server,
    pub(crate) data: &'a BenchData,
    pub(crate) cores: usize,
}

impl Bench<'_> {
    fn name(&self, what: &str) -> String {
        format!("{what}, {}", self.kind.name())
    }

    /// Bytes that the server has caused to be written so far.
    fn bytes_written(&self) -> BenchResult<u64> {
        match self.kind {
            Kind::Sqlite => written(self.server.pid()),
            Kind::Postgres => PlainConnection::connect(&self.data.url)?.wal_bytes(),
        }
    }

    /// Runs a group for `duration`, and adds the bytes written meanwhile to `bytes` if the slice counts.
    fn run_and_count_writes<C: Client + 'static>(
        &self,
        group: &mut ClientGroup<'_, C>,
        duration: Duration,
        counts: bool,
        bytes: &mut u64,
    ) -> BenchResult<f64> {
        let before = self.bytes_written()?;
        let rate = group.run(duration, counts)?;
        if counts {
            *bytes += self.bytes_written()?.saturating_sub(before);
        }
        Ok(rate)
    }

    /// Login and registration, compared with argon2 on all cores.
    pub(crate) fn hashing(&self, figures: &mut Vec<Figure>) -> BenchResult<()> {
        let mut argon2 = Argon2Alone::new(self.cores)?;
        let limit = format!("argon2 alone, {} threads", self.cores);
        let clients = (0..HASHING_CLIENTS)
            .map(|client| {
                let emails: Vec<_> = (1..=ACCOUNTS)
                    .map(|account| BenchData::email(client * ACCOUNTS + account))
                    .collect();
                RepeatClient::login(&emails, PASSWORD)
            })
            .collect();
        let mut group = ClientGroup::new(self.server, clients);
        let mut bytes = 0;
        let (runs, limits) = self.plan.alternate(
            |duration, counts| self.run_and_count_writes(&mut group, duration, counts, &mut bytes),
            |duration| argon2.measure(duration),
        )?;
        let figure = group.figure(self.name("login"), &runs);
        figures.push(
            figure
                .beside(&limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.92)),
        );
        figures.push(self.bytes_per("login", bytes, group.count()));

        let clients = (0..HASHING_CLIENTS)
            .map(|client| RegisterClient::new(format!("new-{}-{client}", now().as_micros()), PASSWORD))
            .collect();
        let mut group = ClientGroup::new(self.server, clients);
        let (runs, limits) = self.plan.alternate(
            |duration, counts| group.run(duration, counts),
            |duration| argon2.measure(duration),
        )?;
        figures.push(group.figure(self.name("register"), &runs).beside(&limit, &limits));
        Ok(())
    }

    /// Refresh and logout, compared with bare updates.
    pub(crate) fn writing(&self, figures: &mut Vec<Figure>) -> BenchResult<()> {
        // The number of threads of the storage lane.
        let connections = u64::try_from((self.cores * 4).max(8) - self.cores)?;
        let mut bare = BareUpdates::connect(self.data, connections, UPDATED)?;
        let limit = format!("update and commit, {connections} connections");
        let tokens = self.data.refresh_tokens(REFRESHED, REFRESHED + CLIENTS)?;
        let mut group = ClientGroup::new(
            self.server,
            tokens.iter().map(|token| RefreshClient::new(token)).collect(),
        );
        let mut bytes = 0;
        let (runs, limits) = self.plan.alternate(
            |duration, counts| self.run_and_count_writes(&mut group, duration, counts, &mut bytes),
            |duration| bare.measure(duration),
        )?;
        let figure = group.figure(self.name("refresh"), &runs);
        figures.push(
            figure
                .beside(&limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.60)),
        );
        figures.push(self.bytes_per("refresh", bytes, group.count()));
        self.logouts(&mut bare, &limit, figures)
    }

    /// A session can be ended once, so slices have a fixed number of requests instead of a fixed time.
    fn logouts(&self, bare: &mut BareUpdates, limit: &str, figures: &mut Vec<Figure>) -> BenchResult<()> {
        const EACH: u64 = 60;
        let (mut runs, mut limits) = (Vec::new(), Vec::new());
        let mut next = LOGGED_OUT;
        let mut group = ClientGroup::new(self.server, Vec::new());
        for _ in 0..self.plan.rounds {
            let mut clients = Vec::new();
            for _ in 0..CLIENTS {
                clients.push(LogoutClient::new(self.data.refresh_tokens(next, next + EACH)?));
                next += EACH;
            }
            group.replace(clients);
            runs.push(group.run(Duration::from_secs(60), true)?);
            limits.push(bare.measure(self.plan.slice / 2)?);
        }
        figures.push(group.figure(self.name("logout"), &runs).beside(limit, &limits));
        Ok(())
    }

    /// Routes that only need memory, compared with a constant response of the same HTTP library.
    pub(crate) fn memory_routes(&self, constant: &Server, figures: &mut Vec<Figure>) -> BenchResult<()> {
        let limit = "constant response";
        let clients: Vec<_> = self
            .access_tokens(MANY_CLIENTS)?
            .iter()
            .map(|token| RepeatClient::me(token))
            .collect();
        let mut group = ClientGroup::new(self.server, clients);
        let mut constants = ClientGroup::new(
            constant,
            (0..MANY_CLIENTS).map(|_| RepeatClient::constant()).collect(),
        );
        let (runs, limits) = self.plan.alternate(
            |duration, counts| group.run(duration, counts),
            |duration| constants.run(duration, true),
        )?;
        figures.push(
            group
                .figure("me", &runs)
                .beside(limit, &limits)
                .aiming_at(Target::RatioAtLeast(0.60)),
        );
        // A ratio of rates also contains the clients' work on both sides and looks too good; processor time excludes it.
        let cpu = Figure::new("me, processor time of the server", "µs", &[group.server_cpu()]);
        figures.push(cpu.beside(limit, &[constants.server_cpu()]));
        figures.push(constants.figure("constant response", &limits));

        let mut group = ClientGroup::new(
            self.server,
            (0..MANY_CLIENTS).map(|_| RepeatClient::jwks()).collect(),
        );
        let (runs, limits) = self.plan.alternate(
            |duration, counts| group.run(duration, counts),
            |duration| constants.run(duration, true),
        )?;
        figures.push(group.figure("jwks", &runs).beside(limit, &limits));

        let runs: Vec<f64> = (0..self.plan.rounds)
            .map(|_| ed25519(self.plan.slice / 4))
            .collect::<BenchResult<_>>()?;
        let micros: Vec<f64> = runs.iter().map(|rate| 1_000_000.0 / rate).collect();
        figures.push(Figure::new("Ed25519 verification alone", "µs", &micros));
        Ok(())
    }

    /// Obtains access tokens of `count` sessions with a refresh each.
    pub(crate) fn access_tokens(&self, count: u64) -> BenchResult<Vec<String>> {
        let tokens = self.data.refresh_tokens(READ, READ + count)?;
        let clients = tokens.iter().map(|token| RefreshClient::new(token)).collect();
        let mut group = ClientGroup::new(self.server, clients);
        group.run(Duration::from_millis(50), false)?;
        Ok(group
            .clients()
            .into_iter()
            .map(|client| client.access_token)
            .collect())
    }

    fn bytes_per(&self, what: &str, bytes: u64, count: u64) -> Figure {
        let name = format!("bytes written per {what}, {}", self.kind.name());
        Figure::new(name, "bytes", &[number(bytes) / number(count.max(1))])
    }
}
