//! The server when idle and during a flood of logins.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::BenchResult;
use crate::bench_data::{BenchData, PASSWORD};
use crate::clients::{FloodClient, RefreshClient, RepeatClient};
use crate::database::Kind;
use crate::figures::Bench;
use crate::load::drive;
use crate::process::resident;
use crate::report::{Figure, Target};
use crate::stats::{Latency, number};

/// Clients that log in at once.
const FLOOD_CLIENTS: u64 = 200;
/// The pause of each between two logins, which is shorter than `Retry-After`.
const FLOOD_PAUSE: Duration = Duration::from_millis(200);
/// Clients of other routes during the flood, and their pause between requests.
const OTHERS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(10);
/// The first session that these refresh.
const REFRESHED: u64 = 5_001;
/// The memory of a hash in MiB, and the targets.
const HASH_MIB: f64 = 19.0;
const IDLE_MIB: f64 = 20.0;
const ROOM_MIB: f64 = 20.0;
const LONGEST_REFRESH_MS: f64 = 250.0;
const SLOWER: f64 = 5.0;

impl Bench<'_> {
    /// Measures the response times of `me` and `refresh` with and without a flood of logins, and the server's memory.
    pub(crate) fn login_flood(&self, idle_mib: f64, figures: &mut Vec<Figure>) -> BenchResult<()> {
        let span = self.plan.slice * 2;
        let mut idle = self.others(span, REFRESHED)?;
        let is_over = AtomicBool::new(false);
        let (flood, others, peak) = thread::scope(|scope| {
            let flood = scope.spawn(|| self.log_in_at_once(span));
            let memory = scope.spawn(|| self.watch_memory(&is_over));
            // Let the queue fill.
            thread::sleep(span / 8);
            let others = self.others(span * 3 / 4, REFRESHED + OTHERS);
            let flood = joined(flood.join());
            is_over.store(true, Ordering::Relaxed);
            (flood, others, joined(memory.join()))
        });
        let (rejected, done) = flood?;
        let mut others = others?;
        let (me_idle, me) = (Latency::of(&mut idle.me), Latency::of(&mut others.me));
        let refresh = Latency::of(&mut others.refresh);
        let name = |what: &str| format!("{what}, {}", self.kind.name());
        figures.push(
            Figure::new(name("me during a flood of 200 logins, p99"), "µs", &[me.p99])
                .beside("the same without the flood", &[me_idle.p99])
                .aiming_at(Target::RatioAtMost(SLOWER)),
        );
        figures.push(
            Figure::new(
                name("refresh during the flood, longest"),
                "ms",
                &[refresh.max / 1000.0],
            )
            .aiming_at(Target::AtMost(LONGEST_REFRESH_MS)),
        );
        figures.push(Figure::new(
            name("logins of the flood rejected with 503"),
            "%",
            &[100.0 * number(rejected) / number((rejected + done).max(1))],
        ));
        let bound = number(u64::try_from(self.cores)?).mul_add(HASH_MIB, idle_mib + ROOM_MIB);
        figures.push(
            Figure::new(name("resident memory during the flood"), "MiB", &[peak?])
                .aiming_at(Target::AtMost(bound)),
        );
        Ok(())
    }

    /// Runs the clients of `me` and `refresh`.
    fn others(&self, span: Duration, first: u64) -> BenchResult<Others> {
        let tokens = self.access_tokens(OTHERS)?;
        let clients = tokens.iter().map(|token| RepeatClient::me(token)).collect();
        let sessions = self.data.refresh_tokens(first, first + OTHERS)?;
        let refreshing = sessions.iter().map(|token| RefreshClient::new(token)).collect();
        thread::scope(|scope| {
            let refresh = scope.spawn(|| drive(self.server.address, refreshing, span, Some(PAUSE)));
            let (_, me) = drive(self.server.address, clients, span, Some(PAUSE))?;
            let (_, refresh) = joined(refresh.join())?;
            Ok(Others {
                me: me.nanos,
                refresh: refresh.nanos,
            })
        })
    }

    /// Runs the flood. Returns the number of logins rejected and accepted.
    fn log_in_at_once(&self, span: Duration) -> BenchResult<(u64, u64)> {
        let clients = (1..=FLOOD_CLIENTS)
            .map(|number| FloodClient::new(RepeatClient::login(&[BenchData::email(number)], PASSWORD)))
            .collect();
        let (clients, load) = drive(self.server.address, clients, span, Some(FLOOD_PAUSE))?;
        let rejected = clients.iter().map(|client| client.rejected).sum();
        Ok((rejected, load.count().saturating_sub(rejected)))
    }

    /// Returns the peak resident memory until `is_over`, in MiB.
    fn watch_memory(&self, is_over: &AtomicBool) -> BenchResult<f64> {
        let mut peak = 0.0_f64;
        while !is_over.load(Ordering::Relaxed) {
            peak = peak.max(mebibytes(resident(self.server.pid())?));
            thread::sleep(Duration::from_millis(20));
        }
        Ok(peak)
    }
}

/// Response times, in nanoseconds.
struct Others {
    me: Vec<u64>,
    refresh: Vec<u64>,
}

/// The result of a thread. The panic hook has reported a panic.
fn joined<T>(result: thread::Result<BenchResult<T>>) -> BenchResult<T> {
    result.unwrap_or_else(|_| Err("a thread panicked".into()))
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}

/// Measures the memory of a server that has just started, in MiB.
pub(crate) fn idle_memory(pid: u32, kind: Kind) -> BenchResult<(f64, Figure)> {
    thread::sleep(Duration::from_secs(1));
    let idle = mebibytes(resident(pid)?);
    let figure = Figure::new(format!("resident memory, idle, {}", kind.name()), "MiB", &[idle])
        .aiming_at(Target::AtMost(IDLE_MIB));
    Ok((idle, figure))
}
