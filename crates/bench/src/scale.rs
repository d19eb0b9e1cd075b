//! How the duration of operations depends on the number of accounts.
//!
//! Measured in this process through the use cases and the store, without HTTP and hashing: only the work of the database
//! can grow. The small and the large database are measured in turn.

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

use crate::bench_data::BenchData;
use crate::clock::{OsEntropy, Watch, now};
use crate::database::BenchDatabase;
use crate::report::{Figure, Target};
use crate::slices::Plan;
use crate::stats::number;
use crate::{BenchResult, POSTGRES_URL};

/// The size of the small database.
const SMALL_USERS: u64 = 1_000;
const SESSIONS_EACH: u64 = 5;
/// Expired sessions of each database.
const EXPIRED: u64 = 1_000;
/// Operations per round.
const TIMES: u64 = 200;
/// The target for frequent operations: the ratio of the large to the small database.
const GROWTH: f64 = 1.3;

/// Describes the measurement for the report.
pub(crate) fn measured(plan: Plan) -> String {
    format!(
        "{} rounds of {TIMES} operations each, after a warm-up round",
        plan.rounds
    )
}

/// Measures on SQLite and, if configured, on PostgreSQL.
pub(crate) fn measure(users: u64, plan: Plan, folder: &Path) -> BenchResult<Vec<Figure>> {
    let mut figures = Vec::new();
    let folders = [folder.join("small"), folder.join("large")];
    for folder in &folders {
        std::fs::create_dir(folder)?;
    }
    let [small, large] = folders.map(|folder| BenchDatabase::sqlite(&folder));
    compare("SQLite", &small, &large, users, plan, &mut figures)?;
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        let (small, large) = (
            BenchDatabase::postgres(&url, "small")?,
            BenchDatabase::postgres(&url, "large")?,
        );
        compare("PostgreSQL", &small, &large, users, plan, &mut figures)?;
    }
    Ok(figures)
}

fn compare(
    database: &str,
    small: &BenchDatabase,
    large: &BenchDatabase,
    users: u64,
    plan: Plan,
    figures: &mut Vec<Figure>,
) -> BenchResult<()> {
    eprintln!("{database}: {SMALL_USERS} users");
    let small = BenchData::create(&small.url, SMALL_USERS, SMALL_USERS * SESSIONS_EACH, EXPIRED)?;
    eprintln!("{database}: {users} users");
    let watch = Watch::start();
    let large = BenchData::create(&large.url, users, users * SESSIONS_EACH, EXPIRED)?;
    figures.push(Figure::new(
        format!("filling the large database, {database}"),
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

/// Runs a round and returns the mean duration of the operation, in microseconds.
type Operation = fn(&BenchData, u64) -> BenchResult<f64>;

const OPERATIONS: &[(&str, Option<f64>, Operation)] = &[
    ("login look-up", Some(GROWTH), look_up),
    ("refresh", Some(GROWTH), refresh),
    ("logout", None, log_out),
    ("list users, first page", None, first_page),
    ("list users, from the middle", None, deep_page),
    ("list a user's sessions", None, list_sessions),
    ("deletion of 200 expired sessions", None, delete_expired),
];

/// Maps consecutive steps to scattered numbers from 1 to `count`.
fn scattered(step: u64, count: u64) -> u64 {
    step.wrapping_mul(7_368_787) % count + 1
}

/// Runs `task` [`TIMES`] times, with a number that is different in each call of all rounds. Returns the mean in µs.
fn times(round: u64, mut task: impl FnMut(u64) -> BenchResult<()>) -> BenchResult<f64> {
    let watch = Watch::start();
    for step in 0..TIMES {
        task(round * TIMES + step)?;
    }
    Ok(number(watch.nanos()) / 1000.0 / number(TIMES))
}

fn look_up(data: &BenchData, round: u64) -> BenchResult<f64> {
    times(round, |step| {
        let email = Email::parse(&BenchData::email(scattered(step, data.users)))?;
        let found = data
            .store
            .single_read(|repos| repos.users().find_credentials_by_email(email.canonical()))?;
        found.map(drop).ok_or_else(|| "an account is missing".into())
    })
}

/// Tokens of sessions for a round. Refresh uses the first half of the unexpired sessions, logout the second.
fn tokens(data: &BenchData, round: u64, first: u64) -> BenchResult<Vec<SecretString>> {
    let half = (data.sessions - EXPIRED) / 2;
    (0..TIMES)
        .map(|step| {
            data.refresh_token(first + scattered(round * TIMES + step, half) - 1)
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

fn refresh(data: &BenchData, round: u64) -> BenchResult<f64> {
    let tokens = tokens(data, round, 1)?;
    let issuer_and_audience = IssuerAndAudience {
        issuer: "http://localhost:8080".to_owned(),
        audience: "doorward".to_owned(),
    };
    let signer = Signer::new(std::sync::Arc::clone(&data.ring), issuer_and_audience);
    let policy = SessionPolicy::default();
    let refresh = Refresh {
        store: &*data.store,
        issuer: TokenIssuer {
            signer: &signer,
            refresh_tokens: &data.sealer,
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

fn log_out(data: &BenchData, round: u64) -> BenchResult<f64> {
    let tokens = tokens(data, round, (data.sessions - EXPIRED) / 2 + 1)?;
    let logout = Logout {
        store: &*data.store,
        refresh_tokens: &data.sealer,
        entropy: &OsEntropy,
    };
    let mut tokens = tokens.iter();
    times(round, |_| {
        let token = tokens.next().ok_or("too few tokens")?;
        Ok(logout.execute(token, &context())?)
    })
}

fn page(data: &BenchData, round: u64, after: Option<u64>) -> BenchResult<f64> {
    let after = after.map(|number| data.user_id(number)).transpose()?;
    times(round, |_| {
        let page = data
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.users().page(&UserFilter::default(), after, 50) })?;
        black_box(page);
        Ok(())
    })
}

fn first_page(data: &BenchData, round: u64) -> BenchResult<f64> {
    page(data, round, None)
}

fn deep_page(data: &BenchData, round: u64) -> BenchResult<f64> {
    page(data, round, Some(data.users / 2))
}

fn list_sessions(data: &BenchData, round: u64) -> BenchResult<f64> {
    times(round, |step| {
        let user = data.user_id(scattered(step, data.users))?;
        let sessions = data
            .store
            .single_read(|repos| repos.sessions().list_unended(user, now(), 100))?;
        black_box(sessions);
        Ok(())
    })
}

/// Deletes one batch of expired sessions. There are enough of them for all rounds.
fn delete_expired(data: &BenchData, round: u64) -> BenchResult<f64> {
    if round == 0 {
        // Deletions cannot be repeated, so there is no warm-up round.
        return Ok(0.0);
    }
    let before = now() - std::time::Duration::from_secs(3600);
    let watch = Watch::start();
    let deleted = data
        .store
        .transaction(|repos| -> StoreResult<_> { repos.sessions().delete_expired(before, 200) })?;
    let took = number(watch.nanos()) / 1000.0;
    if deleted != 200 {
        return Err(format!("{deleted} sessions were deleted instead of 200").into());
    }
    Ok(took)
}
