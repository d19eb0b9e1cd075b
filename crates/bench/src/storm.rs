//! What a server is like when it has nothing to do, and when everybody logs in at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::Outcome;
use crate::clients::{Asking, Refreshing, Storming};
use crate::database::Kind;
use crate::figures::Bench;
use crate::load::drive;
use crate::process::resident;
use crate::report::{Figure, Target};
use crate::stats::{Latency, number};
use crate::world::{PASSWORD, World};

/// How many log in at once.
const STORMING: u64 = 200;
/// How long each of them waits before the next try. Whoever was refused is asked to wait longer than that.
const AGAIN: Duration = Duration::from_millis(200);
/// How many go on with what they were doing, and how long they pause.
const OTHERS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(10);
/// The first session that they refresh.
const REFRESHED: u64 = 5_001;
/// The memory that a hash takes, in MiB, and the targets.
const HASH_MIB: f64 = 19.0;
const IDLE_MIB: f64 = 20.0;
const ROOM_MIB: f64 = 20.0;
const LONGEST_REFRESH_MS: f64 = 250.0;
const SLOWER: f64 = 5.0;

impl Bench<'_> {
    /// Latencies of `me` and `refresh` with nobody else there and in a storm of logins, and the memory it takes.
    pub(crate) fn storm(&self, idle_mib: f64, figures: &mut Vec<Figure>) -> Outcome<()> {
        let span = self.plan.slice * 2;
        let mut idle = self.others(span, REFRESHED)?;
        let calm = AtomicBool::new(false);
        let (storm, others, peak) = thread::scope(|scope| {
            let storm = scope.spawn(|| self.log_in_at_once(span));
            let memory = scope.spawn(|| self.watch_memory(&calm));
            // Let the queue fill.
            thread::sleep(span / 8);
            let others = self.others(span * 3 / 4, REFRESHED + OTHERS);
            let storm = joined(storm.join());
            calm.store(true, Ordering::Relaxed);
            (storm, others, joined(memory.join()))
        });
        let (refused, done) = storm?;
        let mut others = others?;
        let (me_idle, me) = (Latency::of(&mut idle.me), Latency::of(&mut others.me));
        let refresh = Latency::of(&mut others.refresh);
        let name = |what: &str| format!("{what}, {}", self.kind.name());
        figures.push(
            Figure::new(name("me in a storm of 200 logins, p99"), "µs", &[me.p99])
                .beside("the same with nobody else there", &[me_idle.p99])
                .aiming_at(Target::RatioAtMost(SLOWER)),
        );
        figures.push(
            Figure::new(
                name("refresh in the storm, longest"),
                "ms",
                &[refresh.max / 1000.0],
            )
            .aiming_at(Target::AtMost(LONGEST_REFRESH_MS)),
        );
        figures.push(Figure::new(
            name("logins of the storm that were refused with 503"),
            "%",
            &[100.0 * number(refused) / number((refused + done).max(1))],
        ));
        let bound = number(u64::try_from(self.cores)?).mul_add(HASH_MIB, idle_mib + ROOM_MIB);
        figures.push(
            Figure::new(name("resident memory in the storm"), "MiB", &[peak?])
                .aiming_at(Target::AtMost(bound)),
        );
        Ok(())
    }

    /// Those who ask `me` and refresh, at their own pace.
    fn others(&self, span: Duration, first: u64) -> Outcome<Others> {
        let tokens = self.access_tokens(OTHERS)?;
        let clients = tokens.iter().map(|token| Asking::me(token)).collect();
        let sessions = self.world.refresh_tokens(first, first + OTHERS)?;
        let refreshing = sessions.iter().map(|token| Refreshing::new(token)).collect();
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

    /// How many logins were refused, and how many were not.
    fn log_in_at_once(&self, span: Duration) -> Outcome<(u64, u64)> {
        let clients = (1..=STORMING)
            .map(|number| Storming::new(Asking::login(&[World::email(number)], PASSWORD)))
            .collect();
        let (clients, load) = drive(self.server.address, clients, span, Some(AGAIN))?;
        let refused = clients.iter().map(|client| client.refused).sum();
        Ok((refused, load.count().saturating_sub(refused)))
    }

    /// The most memory until it is calm, in MiB.
    fn watch_memory(&self, calm: &AtomicBool) -> Outcome<f64> {
        let mut peak = 0.0_f64;
        while !calm.load(Ordering::Relaxed) {
            peak = peak.max(mebibytes(resident(self.server.pid())?));
            thread::sleep(Duration::from_millis(20));
        }
        Ok(peak)
    }
}

/// How long others waited, in nanoseconds.
struct Others {
    me: Vec<u64>,
    refresh: Vec<u64>,
}

/// What a thread answered. One that panicked has said why.
fn joined<T>(result: thread::Result<Outcome<T>>) -> Outcome<T> {
    result.unwrap_or_else(|_| Err("a thread panicked".into()))
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    number(bytes) / 1_048_576.0
}

/// The memory of a server that has just started.
pub(crate) fn idle_memory(pid: u32, kind: Kind) -> Outcome<(f64, Figure)> {
    thread::sleep(Duration::from_secs(1));
    let idle = mebibytes(resident(pid)?);
    let figure = Figure::new(format!("resident memory, idle, {}", kind.name()), "MiB", &[idle])
        .aiming_at(Target::AtMost(IDLE_MIB));
    Ok((idle, figure))
}
