//! The commands `run` and `scale`: the order of measurements and the output.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_password::Argon2Params;

use crate::bench_data::BenchData;
use crate::clock::today;
use crate::database::{BenchDatabase, Kind, PlainConnection};
use crate::figures::{Bench, SESSIONS};
use crate::login_flood::{idle_memory, mebibytes};
use crate::process::{Machine, resident};
use crate::report::{Figure, Report, Target};
use crate::server::{Doorward, Server};
use crate::slices::Plan;
use crate::{BenchResult, POSTGRES_URL, scale as sizes};

/// Accounts for the measurement of routes.
const USERS: u64 = 10_000;
/// Accounts of the large database.
const MANY: u64 = 1_000_000;
/// The target for a start on an existing database, in milliseconds.
const STARTED_MS: f64 = 100.0;
/// How many starts are measured.
const STARTS: usize = 10;

const QUICK: Plan = Plan {
    rounds: 3,
    slice: Duration::from_millis(900),
};
const FULL: Plan = Plan {
    rounds: 5,
    slice: Duration::from_secs(3),
};

const ROUTES_PAGE: &str = "\
# Benchmarks

The goal is that argon2, the database's commit or the HTTP library limits Doorward, not its own code. Absolute rates mostly
depend on the machine, so each figure is measured together with its limit: short slices of both in turn, on the same
machine. The ratio is that of the medians; the spread is the range from the lowest to the highest slice, as a share of the
median. `just bench` writes this page.

The server is the release binary in a separate process, with its defaults except that the throttle is disabled and one
address may have 1024 connections, because all clients have the same one; its log,
one line per request, is discarded. The clients run on one thread of the same machine, over loopback, and their work is part
of the rates of both sides. *Constant response* is the same HTTP library without middleware, with a body as long as that of
`me`. *Update and commit* is a conditional update of one session by its primary key in its own transaction, as durable as
Doorward's. *argon2 alone* uses Doorward's parameters and reuses its memory without clearing it.

";

const SCALE_PAGE: &str = "\
# Benchmarks: many accounts

The same operations on a small and on a large database, measured in turn in one process, through the use cases and the
store. HTTP and hashing are left out, because they do not depend on the number of accounts. Each look-up, refresh or logout
uses a different account. `just bench-scale` writes this page.

";

/// The given server binary, or `doorward` in the directory of this program.
pub(crate) fn program(named: Option<PathBuf>) -> BenchResult<PathBuf> {
    let program = match named {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("doorward"),
    };
    if !program.is_file() {
        return Err(format!("{} does not exist: build it with --release", program.display()).into());
    }
    Ok(program.canonicalize()?)
}

/// Measures the routes.
pub(crate) fn routes(quick: bool, write: bool, server: Option<PathBuf>) -> BenchResult<()> {
    let plan = if quick { QUICK } else { FULL };
    let program = program(server)?;
    let machine = Machine::describe()?;
    let mut report = Report {
        circumstances: circumstances(&machine, plan.measured()),
        figures: Vec::new(),
    };
    let folder = tempfile::tempdir()?;
    let database = BenchDatabase::sqlite(folder.path());
    measure_on(&database, folder.path(), plan, &program, &machine, &mut report)?;
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        let folder = tempfile::tempdir()?;
        let database = BenchDatabase::postgres(&url, "run")?;
        measure_on(&database, folder.path(), plan, &program, &machine, &mut report)?;
    }
    let size = fs::metadata(&program)?.len();
    report
        .figures
        .push(Figure::new("size of the program", "MiB", &[mebibytes(size)]));
    publish(&report, "benchmarks", ROUTES_PAGE, write || !quick)
}

/// Measures small and large.
pub(crate) fn scale(users: Option<u64>, quick: bool, write: bool) -> BenchResult<()> {
    let (plan, many) = if quick { (QUICK, MANY / 10) } else { (FULL, MANY) };
    let users = users.unwrap_or(many);
    let machine = Machine::describe()?;
    let folder = tempfile::tempdir()?;
    let mut circumstances = circumstances(&machine, sizes::measured(plan));
    circumstances.push((
        "the large database",
        format!("{users} users, {} sessions", users * 5),
    ));
    let figures = sizes::measure(users, plan, folder.path())?;
    let report = Report {
        circumstances,
        figures,
    };
    publish(&report, "benchmarks-scale", SCALE_PAGE, write || !quick)
}

fn circumstances(machine: &Machine, measured: String) -> Vec<(&'static str, String)> {
    let argon2 = Argon2Params::default();
    vec![
        ("date", today()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "machine",
            format!(
                "{} cores ({}), {} GiB of memory, {}",
                machine.cores, machine.processor, machine.memory_gib, machine.system
            ),
        ),
        (
            "argon2id",
            format!(
                "{} KiB, {} passes, {} lane",
                argon2.memory_kib, argon2.iterations, argon2.parallelism
            ),
        ),
        ("measured", measured),
    ]
}

fn measure_on(
    database: &BenchDatabase,
    folder: &Path,
    plan: Plan,
    program: &Path,
    machine: &Machine,
    report: &mut Report,
) -> BenchResult<()> {
    eprintln!("creating accounts and sessions");
    // Before the plain connection, which would create a file that others may read: the server refuses it.
    let data = BenchData::create(&database.url, USERS, SESSIONS, 0)?;
    let mut connection = PlainConnection::connect(&database.url)?;
    let kind = connection.kind();
    let progress = |what: &str| eprintln!("{}: {what}", kind.name());
    report.circumstances.push(("database", connection.version()?));
    let doorward = Doorward {
        program,
        data_dir: folder,
        database_url: &database.url,
        master_key: data.master_key(),
    };
    progress("starting");
    let figures = &mut report.figures;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(doorward.start()?.ready_after);
    }
    let name = format!("start on an existing database until ready, {}", kind.name());
    figures.push(Figure::new(name, "ms", &starts).aiming_at(Target::AtMost(STARTED_MS)));
    let server = doorward.start()?;
    let (idle, figure) = idle_memory(server.pid(), kind)?;
    figures.push(figure);
    let bench = Bench {
        plan,
        kind,
        server: &server,
        data: &data,
        cores: machine.cores,
    };
    progress("login and register");
    bench.hashing(figures)?;
    progress("refresh and logout");
    bench.writing(figures)?;
    if kind == Kind::Sqlite {
        progress("me and jwks");
        bench.memory_routes(&Server::constant()?, figures)?;
    }
    let loaded = mebibytes(resident(server.pid())?);
    figures.push(Figure::new(
        format!("resident memory after the load, {}", kind.name()),
        "MiB",
        &[loaded],
    ));
    progress("login flood");
    bench.login_flood(idle, figures)
}

/// Prints the tables, and writes the page and the JSON file if `write` is set.
fn publish(report: &Report, name: &str, introduction: &str, write: bool) -> BenchResult<()> {
    print!("{}", report.tables());
    if write {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        fs::write(docs.join(name).with_extension("md"), report.page(introduction))?;
        let mut json = serde_json::to_string_pretty(report)?;
        json.push('\n');
        fs::write(docs.join(name).with_extension("json"), json)?;
    }
    Ok(())
}
