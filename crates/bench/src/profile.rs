//! Profiling: samples of `perf`, folded into stacks and listed by function.
//!
//! The server is the unmodified release binary, which contains its symbols; `perf` unwinds stacks with its DWARF tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;

use crate::BenchResult;
use crate::bench_data::{BenchData, PASSWORD};
use crate::clients::{RefreshClient, RepeatClient};
use crate::database::{BenchDatabase, Kind};
use crate::figures::{Bench, SESSIONS};
use crate::load::drive;
use crate::run::program;
use crate::server::Doorward;
use crate::slices::Plan;
use crate::stats::number;

/// The route to profile.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum What {
    /// `GET /v1/auth/me`.
    Me,
    /// `POST /v1/auth/refresh`.
    Refresh,
    /// `POST /v1/auth/login`.
    Login,
}

/// How many functions are listed.
const TOP: usize = 60;

/// Samples a server on SQLite under load. Writes the folded stacks (for flame graphs) and prints the functions with the
/// most samples.
pub(crate) fn profile(what: What, seconds: u64, server: Option<PathBuf>, output: &Path) -> BenchResult<()> {
    let span = Duration::from_secs(seconds);
    let folder = tempfile::tempdir()?;
    let database = BenchDatabase::sqlite(folder.path());
    let data = BenchData::create(&database.url, 10_000, SESSIONS, 0)?;
    let doorward = Doorward {
        program: &program(server)?,
        data_dir: folder.path(),
        database_url: &database.url,
        master_key: data.master_key(),
    };
    let server = doorward.start()?;
    let bench = Bench {
        plan: Plan {
            rounds: 1,
            slice: span,
        },
        kind: Kind::Sqlite,
        server: &server,
        data: &data,
        cores: thread::available_parallelism()?.get(),
    };
    fs::create_dir_all(output)?;
    let name = format!("{what:?}").to_lowercase();
    let samples = output.join(format!("{name}.samples"));
    let mut perf = Command::new("perf");
    perf.args([
        "record",
        "--quiet",
        "--freq",
        "499",
        "--call-graph",
        "dwarf,16384",
    ])
    .arg("--pid")
    .arg(server.pid().to_string())
    .arg("--output")
    .arg(&samples)
    .arg("--")
    .arg("sleep")
    .arg(seconds.to_string())
    .stdin(Stdio::null());
    let mut perf = perf
        .spawn()
        .map_err(|error| format!("perf cannot be run: {error}"))?;
    // The load runs somewhat longer than the sampling.
    let span = span + Duration::from_secs(1);
    match what {
        What::Me => {
            let tokens = bench.access_tokens(32)?;
            drop(drive(
                server.address,
                tokens.iter().map(|token| RepeatClient::me(token)).collect(),
                span,
                None,
            )?);
        }
        What::Refresh => {
            let tokens = data.refresh_tokens(1, 17)?;
            drop(drive(
                server.address,
                tokens.iter().map(|token| RefreshClient::new(token)).collect(),
                span,
                None,
            )?);
        }
        What::Login => {
            let login = |number| RepeatClient::login(&[BenchData::email(number)], PASSWORD);
            drop(drive(server.address, (1..=8).map(login).collect(), span, None)?);
        }
    }
    if !perf.wait()?.success() {
        return Err("perf failed; check that kernel.perf_event_paranoid is at most 2".into());
    }
    let script = Command::new("perf")
        .arg("script")
        .arg("--input")
        .arg(&samples)
        .stderr(Stdio::null())
        .output()?;
    let stacks = fold(&String::from_utf8_lossy(&script.stdout));
    let mut text = String::new();
    for (stack, count) in &stacks {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{stack} {count}");
    }
    fs::write(output.join(format!("{name}.folded")), text)?;
    print!("{}", top(&stacks));
    eprintln!(
        "the folded stacks are in {}",
        output.join(format!("{name}.folded")).display()
    );
    Ok(())
}

/// Counts samples by stack, outermost frame first, joined by semicolons. `perf script` prints a sample as a header line, a
/// line per frame, innermost first, and an empty line.
fn fold(script: &str) -> BTreeMap<String, u64> {
    let mut stacks = BTreeMap::new();
    for sample in script.split("\n\n") {
        let mut frames: Vec<_> = sample
            .lines()
            .skip_while(|line| !line.starts_with(char::is_whitespace))
            .filter_map(frame)
            .collect();
        frames.reverse();
        if !frames.is_empty() {
            *stacks.entry(frames.join(";")).or_default() += 1;
        }
    }
    stacks
}

/// The function of a line `ADDRESS FUNCTION+OFFSET (FILE)`.
fn frame(line: &str) -> Option<&str> {
    let (_, rest) = line.trim().split_once(' ')?;
    let (function, _) = rest.rsplit_once(" (")?;
    Some(function.rsplit_once("+0x").map_or(function, |(name, _)| name))
}

/// Lists functions with their share of samples, including and excluding callees.
fn top(stacks: &BTreeMap<String, u64>) -> String {
    let mut shares: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (stack, count) in stacks {
        let mut frames: Vec<_> = stack.split(';').collect();
        if let Some(innermost) = frames.last() {
            shares.entry(innermost).or_default().1 += count;
        }
        // Once per stack, also for recursive functions.
        frames.sort_unstable();
        frames.dedup();
        for frame in frames {
            shares.entry(frame).or_default().0 += count;
        }
    }
    let all = number(stacks.values().sum::<u64>().max(1));
    let mut rows: Vec<_> = shares.into_iter().collect();
    rows.sort_by_key(|(_, (with_callees, _))| std::cmp::Reverse(*with_callees));
    let mut text = String::from("  with   own  function\n");
    for (function, (with_callees, own)) in rows.into_iter().take(TOP) {
        let (with_callees, own) = (100.0 * number(with_callees) / all, 100.0 * number(own) / all);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{with_callees:5.1}% {own:4.1}%  {function}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "worker 7 1.0: 100 cycles:\n\t ab inner+0x1 (/bin/x)\n\t cd <A as B>::outer+0xff (/bin/x)\n\n\
                          worker 7 2.0: 100 cycles:\n\t ab inner+0x2 (/bin/x)\n\t cd <A as B>::outer+0xff (/bin/x)\n\n\
                          worker 7 3.0: 100 cycles:\n\t cd <A as B>::outer+0x0 (/bin/x)\n\n";

    #[test]
    fn samples_are_folded_by_stack() {
        let stacks = fold(SCRIPT);
        let address_file: Vec<_> = stacks
            .iter()
            .map(|(stack, count)| (stack.as_str(), *count))
            .collect();
        assert_eq!(
            address_file,
            [("<A as B>::outer", 1), ("<A as B>::outer;inner", 2)]
        );
        assert!(fold("").is_empty());
    }

    #[test]
    fn functions_are_listed_by_their_share() {
        let text = top(&fold(SCRIPT));
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(lines, ["100.0% 33.3%  <A as B>::outer", " 66.7% 66.7%  inner"]);
    }
}
