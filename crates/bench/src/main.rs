//! Benchmarks Doorward against its limits: argon2, the database's commit, the HTTP library.
//!
//! The server is the release binary in a separate process; requests go over loopback. Slices of each figure alternate with
//! slices of its limit, and the report has the ratio of their medians, because absolute rates mostly depend on the machine.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tables go to standard output, progress to standard error"
)]

mod bench_data;
mod clients;
mod clock;
mod database;
mod figures;
mod http;
mod limits;
mod load;
mod login_flood;
mod process;
mod profile;
mod report;
mod run;
mod scale;
mod server;
mod slices;
mod stats;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An error of any kind, for people.
pub(crate) type BenchError = Box<dyn std::error::Error + Send + Sync>;

pub(crate) type BenchResult<T> = Result<T, BenchError>;

/// The environment variable with the URL of the PostgreSQL server on which databases are created.
pub(crate) const POSTGRES_URL: &str = "DOORWARD_TEST_POSTGRES_URL";

/// Benchmarks Doorward against its limits.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the main routes on SQLite and, if configured, on PostgreSQL.
    Run {
        /// A short run that does not write the documentation.
        #[arg(long)]
        quick: bool,
        /// Writes the documentation even after a short run.
        #[arg(long)]
        write: bool,
        /// The server binary; by default `doorward` in the directory of this program.
        #[arg(long)]
        server: Option<PathBuf>,
    },
    /// Compares operations on a small and on a large database.
    Scale {
        /// The number of accounts of the large database, with five sessions each.
        #[arg(long)]
        users: Option<u64>,
        /// A tenth of the accounts and fewer rounds. Does not write the documentation.
        #[arg(long)]
        quick: bool,
        /// Writes the documentation even after a short run.
        #[arg(long)]
        write: bool,
    },
    /// Profiles the server under load with `perf`.
    Profile {
        /// The route to profile.
        #[arg(value_enum)]
        what: profile::What,
        /// How long to sample, in seconds.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
        /// The server binary; by default `doorward` in the directory of this program.
        #[arg(long)]
        server: Option<PathBuf>,
        /// The directory for the samples and the folded stacks.
        #[arg(long, default_value = "target/profile")]
        output: PathBuf,
    },
    /// Serves a constant response, the limit of routes that only need memory. Started by `run`.
    #[command(hide = true)]
    Constant,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Constant => server::serve_constant(),
        Command::Run { quick, write, server } => run::routes(quick, write, server),
        Command::Scale { users, quick, write } => run::scale(users, quick, write),
        Command::Profile {
            what,
            seconds,
            server,
            output,
        } => profile::profile(what, seconds, server, &output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doorward-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
