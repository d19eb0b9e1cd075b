//! Whether what is done a thousand times a day takes longer when there are a thousand times as many accounts.
//!
//! Measured in this process, through the use cases and the store, without HTTP and without hashing: what could grow is what
//! the database does. Small and large are measured in turn.

use std::hint::black_box;
use std::path::Path;

use doorward_application::{Logout, Refresh, TokenIssuer};
use doorward_domain::account::Email;
use doorward_domain::account::UserFilter;
use doorward_domain::context::RequestContext;
use doorward_domain::id::RequestId;
use doorward_domain::session::SessionPolicy;
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;
use doorward_jwt::{IssuerAndAudience, Signer};
use secrecy::SecretString;

use crate::clock::{OsEntropy, Watch, now};
use crate::database::Place;
use crate::report::{Figure, Target};
use crate::slices::Plan;
use crate::stats::number;
use crate::world::World;
use crate::{Outcome, POSTGRES_URL};

/// The accounts and sessions that the large database is compared with.
const SMALL_USERS: u64 = 1_000;
const SESSIONS_EACH: u64 = 5;
/// How many sessions have expired, on each.
const EXPIRED: u64 = 1_000;
/// How often each operation is done in one round.
const TIMES: u64 = 200;
/// How much longer the operations of every request may take.
const GROWTH: f64 = 1.3;

/// How it is measured, in words.
pub(crate) fn measured(plan: Plan) -> String {
    format!(
        "{} rounds of {TIMES} operations each, after one that does not count",
        plan.rounds
    )
}

/// Measures on SQLite and, where there is one, on PostgreSQL.
pub(crate) fn measure(users: u64, plan: Plan, folder: &Path) -> Outcome<Vec<Figure>> {
    let mut figures = Vec::new();
    let places = [folder.join("small"), folder.join("large")];
    for place in &places {
        std::fs::create_dir(place)?;
    }
    let [small, large] = places.map(|folder| Place::sqlite(&folder));
    compare("SQLite", &small, &large, users, plan, &mut figures)?;
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        let (small, large) = (Place::postgres(&url, "small")?, Place::postgres(&url, "large")?);
        compare("PostgreSQL", &small, &large, users, plan, &mut figures)?;
    }
    Ok(figures)
}

fn compare(
    database: &str,
    small: &Place,
    large: &Place,
    users: u64,
    plan: Plan,
    figures: &mut Vec<Figure>,
) -> Outcome<()> {
    eprintln!("{database}: {SMALL_USERS} users");
    let small = World::make(&small.url, SMALL_USERS, SMALL_USERS * SESSIONS_EACH, EXPIRED)?;
    eprintln!("{database}: {users} users");
    let watch = Watch::start();
    let large = World::make(&large.url, users, users * SESSIONS_EACH, EXPIRED)?;
    figures.push(Figure::new(
        format!("making the large database, {database}"),
        "s",
        &[watch.elapsed().as_secs_f64()],
    ));
    for (name, bound, operation) in OPERATIONS {
        eprintln!("{database}: {name}");
        let (mut smalls, mut larges) = (Vec::new(), Vec::new());
        // The first round warms the caches of both.
        for round in 0..=u64::from(plan.rounds) {
            let (of_small, of_large) = (operation(&small, round)?, operation(&large, round)?);
            if round > 0 {
                smalls.push(of_small);
                larges.push(of_large);
            }
        }
        let figure = Figure::new(format!("{name}, {database}"), "µs", &larges)
            .beside(format!("with {SMALL_USERS} users"), &smalls);
        figures.push(match bound {
            Some(bound) => figure.aiming_at(Target::RatioAtMost(*bound)),
            None => figure,
        });
    }
    Ok(())
}

/// Answers how many microseconds it took each time.
type Operation = fn(&World, u64) -> Outcome<f64>;

const OPERATIONS: &[(&str, Option<f64>, Operation)] = &[
    ("login look-up", Some(GROWTH), look_up),
    ("refresh", Some(GROWTH), refresh),
    ("logout", None, log_out),
    ("list users, first page", None, first_page),
    ("list users, from the middle", None, deep_page),
    ("list a user's sessions", None, list_sessions),
    ("sweep of 200 expired sessions", None, sweep),
];

/// A number from 1 to `count` that jumps about.
fn scattered(step: u64, count: u64) -> u64 {
    step.wrapping_mul(7_368_787) % count + 1
}

/// Does something [`TIMES`] times, with a number that is another each time in all rounds.
fn times(round: u64, mut task: impl FnMut(u64) -> Outcome<()>) -> Outcome<f64> {
    let watch = Watch::start();
    for step in 0..TIMES {
        task(round * TIMES + step)?;
    }
    Ok(number(watch.nanos()) / 1000.0 / number(TIMES))
}

fn look_up(world: &World, round: u64) -> Outcome<f64> {
    times(round, |step| {
        let email = Email::parse(&World::email(scattered(step, world.users)))?;
        let found = world.store.snapshot(|repos| -> StoreResult<_> {
            repos.users().find_credentials_by_email(email.canonical())
        })?;
        found.map(drop).ok_or_else(|| "an account is not there".into())
    })
}

/// The sessions that are refreshed, ended, or swept are different ones: the first half, the second, and the last.
fn tokens(world: &World, round: u64, first: u64) -> Outcome<Vec<SecretString>> {
    let half = (world.sessions - EXPIRED) / 2;
    (0..TIMES)
        .map(|step| {
            world
                .refresh_token(first + scattered(round * TIMES + step, half) - 1)
                .map(SecretString::from)
        })
        .collect()
}

fn context() -> RequestContext {
    RequestContext {
        now: now(),
        request_id: RequestId::from_bytes([0; 16]),
        ip: "127.0.0.1".parse().ok(),
        user_agent: Some("doorward-bench".to_owned()),
    }
}

fn refresh(world: &World, round: u64) -> Outcome<f64> {
    let tokens = tokens(world, round, 1)?;
    let parties = IssuerAndAudience {
        issuer: "http://localhost:8080".to_owned(),
        audience: "doorward".to_owned(),
    };
    let signer = Signer::new(std::sync::Arc::clone(&world.ring), parties);
    let policy = SessionPolicy::default();
    let refresh = Refresh {
        store: &*world.store,
        issuer: TokenIssuer {
            signer: &signer,
            refresh_tokens: &world.sealer,
            policy: &policy,
            email_in_access_tokens: true,
            entropy: &OsEntropy,
        },
        clock: &now,
    };
    let mut tokens = tokens.iter();
    times(round, |_| {
        let token = tokens.next().ok_or("too few tokens")?;
        refresh.execute(token, &context())?;
        Ok(())
    })
}

fn log_out(world: &World, round: u64) -> Outcome<f64> {
    let tokens = tokens(world, round, (world.sessions - EXPIRED) / 2 + 1)?;
    let logout = Logout {
        store: &*world.store,
        refresh_tokens: &world.sealer,
        entropy: &OsEntropy,
    };
    let mut tokens = tokens.iter();
    times(round, |_| {
        let token = tokens.next().ok_or("too few tokens")?;
        Ok(logout.execute(token, &context())?)
    })
}

fn page(world: &World, round: u64, after: Option<u64>) -> Outcome<f64> {
    let after = after.map(|number| world.user_id(number)).transpose()?;
    times(round, |_| {
        let page = world
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.users().page(&UserFilter::default(), after, 50) })?;
        black_box(page);
        Ok(())
    })
}

fn first_page(world: &World, round: u64) -> Outcome<f64> {
    page(world, round, None)
}

fn deep_page(world: &World, round: u64) -> Outcome<f64> {
    page(world, round, Some(world.users / 2))
}

fn list_sessions(world: &World, round: u64) -> Outcome<f64> {
    times(round, |step| {
        let user = world.user_id(scattered(step, world.users))?;
        let sessions = world
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.sessions().list_unended(user, now(), 100) })?;
        black_box(sessions);
        Ok(())
    })
}

/// One transaction of a sweep. There are as many expired sessions as rounds need, and the sweep takes them batch by batch.
fn sweep(world: &World, round: u64) -> Outcome<f64> {
    if round == 0 {
        // What has been deleted is gone: there is nothing to warm up with.
        return Ok(0.0);
    }
    let before = now() - std::time::Duration::from_secs(3600);
    let watch = Watch::start();
    let deleted = world
        .store
        .transaction(|repos| -> StoreResult<_> { repos.sessions().delete_expired(before, 200) })?;
    let took = number(watch.nanos()) / 1000.0;
    if deleted != 200 {
        return Err(format!("{deleted} sessions were deleted instead of 200").into());
    }
    Ok(took)
}
