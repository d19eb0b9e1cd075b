//! Measures Doorward beside the limits it is up against: argon2, the database's commit, the HTTP library.
//!
//! The server is the program that is released, in a process of its own, asked over loopback. Each figure is measured in
//! short slices that alternate with slices of its limit, and what is reported is the ratio of their medians: rates alone
//! say more about the machine than about the program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the tables go to standard output, what is being done to standard error"
)]

mod clients;
mod clock;
mod database;
mod figures;
mod http;
mod limits;
mod load;
mod process;
mod profile;
mod report;
mod run;
mod scale;
mod server;
mod slices;
mod stats;
mod storm;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Anything that went wrong, in words.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// What may go wrong in any way that there are words for.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Names the PostgreSQL server to make databases on.
pub(crate) const POSTGRES_URL: &str = "DOORWARD_TEST_POSTGRES_URL";

/// Measures Doorward beside its limits.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Figures of every route that matters, on SQLite and, where there is one, on PostgreSQL.
    Run {
        /// One short run, for a first look. Leaves the documentation alone.
        #[arg(long)]
        quick: bool,
        /// Writes the documentation all the same.
        #[arg(long)]
        write: bool,
        /// The server to measure; the one beside this program if none is named.
        #[arg(long)]
        server: Option<PathBuf>,
    },
    /// The same operations with few accounts and with many.
    Scale {
        /// How many accounts are many, with five sessions each.
        #[arg(long)]
        users: Option<u64>,
        /// A tenth of the accounts, and fewer rounds. Leaves the documentation alone.
        #[arg(long)]
        quick: bool,
        /// Writes the documentation all the same.
        #[arg(long)]
        write: bool,
    },
    /// Where the server's time goes under load: samples it with `perf`.
    Profile {
        /// What is asked.
        #[arg(value_enum)]
        what: profile::What,
        /// For how long.
        #[arg(long, default_value_t = 15)]
        seconds: u64,
        /// The server to look into; the one beside this program if none is named.
        #[arg(long)]
        server: Option<PathBuf>,
        /// Where the samples and what is made of them are kept.
        #[arg(long, default_value = "target/profile")]
        output: PathBuf,
    },
    /// Answers a constant, as the limit of what is answered from memory. For `run`.
    #[command(hide = true)]
    Constant,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Constant => server::answer_a_constant(),
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
        Err(fault) => {
            eprintln!("doorward-bench: {fault}");
            ExitCode::FAILURE
        }
    }
}
