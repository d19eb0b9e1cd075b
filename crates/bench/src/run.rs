//! The commands: what is measured in which order, and where it is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_password::Argon2Params;

use crate::clock::today;
use crate::database::{Kind, Place, Plain};
use crate::figures::{Bench, SESSIONS};
use crate::process::{Machine, resident};
use crate::report::{Figure, Report, Target};
use crate::server::{Doorward, Server};
use crate::slices::Plan;
use crate::storm::{idle_memory, mebibytes};
use crate::world::World;
use crate::{Outcome, POSTGRES_URL, scale as sizes};

/// How many accounts there are when routes are measured.
const USERS: u64 = 10_000;
/// How many accounts are many.
const MANY: u64 = 1_000_000;
/// How soon a server on an existing database should be ready, in milliseconds.
const STARTED_MS: f64 = 100.0;
/// How often that is tried.
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

Doorward is to be limited by argon2, by the database's commit or by the HTTP library, and by nothing of its own. Rates alone
say more about the machine than about the program, so each figure was measured beside its limit: short slices of the one and
of the other in turn, on the same machine in the same minute. The ratio is that of their medians; the spread is from the
lowest to the highest slice, as a share of the median. `just bench` writes this page.

The server is the released program in a process of its own, with its defaults but for the throttle, which is off; its log, a
line a request, goes to nowhere. The clients run on one thread of the same machine and ask over loopback: what they take is
in the rates of both sides. The *constant* is the same HTTP library, without middleware, answering as many bytes as `me`.
*Update and commit* is a conditional update of one session by its primary key, in a transaction of its own, as durable as
Doorward's. *argon2 alone* has Doorward's parameters and memory that is kept and never cleared.

";

const SCALE_PAGE: &str = "\
# Benchmarks: many accounts

The same operations on a small database and on a large one, measured in turn, in one process, through the use cases and the
store: without HTTP, and without hashing, which do not know how many accounts there are. A look-up, refresh or logout is of
another account each time. `just bench-scale` writes this page.

";

/// The program named, or the one beside this.
pub(crate) fn program(named: Option<PathBuf>) -> Outcome<PathBuf> {
    let program = match named {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("doorward"),
    };
    if !program.is_file() {
        return Err(format!(
            "there is no server at {}: build it with --release",
            program.display()
        )
        .into());
    }
    Ok(program.canonicalize()?)
}

/// Measures the routes.
pub(crate) fn routes(quick: bool, write: bool, server: Option<PathBuf>) -> Outcome<()> {
    let plan = if quick { QUICK } else { FULL };
    let program = program(server)?;
    let machine = Machine::describe()?;
    let mut report = Report {
        circumstances: circumstances(&machine, plan.measured()),
        figures: Vec::new(),
    };
    let folder = tempfile::tempdir()?;
    let place = Place::sqlite(folder.path());
    measure_on(&place, folder.path(), plan, &program, &machine, &mut report)?;
    if let Ok(url) = std::env::var(POSTGRES_URL) {
        let folder = tempfile::tempdir()?;
        let place = Place::postgres(&url, "run")?;
        measure_on(&place, folder.path(), plan, &program, &machine, &mut report)?;
    }
    let size = fs::metadata(&program)?.len();
    report
        .figures
        .push(Figure::new("size of the program", "MiB", &[mebibytes(size)]));
    tell(&report, "benchmarks", ROUTES_PAGE, write || !quick)
}

/// Measures small and large.
pub(crate) fn scale(users: Option<u64>, quick: bool, write: bool) -> Outcome<()> {
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
    tell(&report, "benchmarks-scale", SCALE_PAGE, write || !quick)
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
    place: &Place,
    folder: &Path,
    plan: Plan,
    program: &Path,
    machine: &Machine,
    report: &mut Report,
) -> Outcome<()> {
    let mut connection = Plain::connect(&place.url)?;
    let kind = connection.kind();
    let said = |what: &str| eprintln!("{}: {what}", kind.name());
    report.circumstances.push(("database", connection.version()?));
    said("making accounts and sessions");
    let world = World::make(&place.url, USERS, SESSIONS, 0)?;
    let doorward = Doorward {
        program,
        data_dir: folder,
        database_url: &place.url,
        master_key: world.master_key(),
    };
    said("starting");
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
        world: &world,
        cores: machine.cores,
    };
    said("login and register");
    bench.hashing(figures)?;
    said("refresh and logout");
    bench.writing(figures)?;
    if kind == Kind::Sqlite {
        said("me and jwks");
        bench.answering(&Server::constant()?, figures)?;
    }
    let loaded = mebibytes(resident(server.pid())?);
    figures.push(Figure::new(
        format!("resident memory after all that, {}", kind.name()),
        "MiB",
        &[loaded],
    ));
    said("a storm of logins");
    bench.storm(idle, figures)
}

/// Shows the tables, and writes the page and its figures if they are to be kept.
fn tell(report: &Report, name: &str, introduction: &str, write: bool) -> Outcome<()> {
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
