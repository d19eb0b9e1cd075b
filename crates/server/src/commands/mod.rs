//! What the program does when it is run.

mod doctor;
mod exchange;
mod health;
mod keys;
mod serve;
mod setup;
mod users;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::{self, Cli, Command, ConfigCommand, KeysCommand, Parsed, UsersCommand};
use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::logging;

/// Runs the program with these arguments (its own name first) and this environment, and says how it ended: on standard
/// error in words, and by the exit status.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let result = cli::parse(arguments).and_then(|parsed| match parsed {
        Parsed::Run(cli) => run(*cli, variables),
        Parsed::Show(text) => print(text.trim_end()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.lines() {
                // With standard error gone too there is nobody left to tell; the exit status still does.
                let _ = writeln!(std::io::stderr(), "doorward: {line}");
            }
            ExitCode::from(&failure)
        }
    }
}

/// Does what the command line asks for.
fn run(cli: Cli, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), Failure> {
    let command = cli.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Openapi) {
        // The document is the same whatever is configured.
        return print(doorward_api::openapi_json());
    }
    let settings = config::load(cli.configuration.sources(variables))?;
    if matches!(command, Command::Health) {
        health::ask(&settings)?;
        return print("ready");
    }
    if let Command::Doctor(arguments) = &command {
        return doctor::examine(&settings, arguments);
    }
    start_logging(&settings)?;
    match command {
        Command::Serve => serve::serve(settings),
        Command::Migrate => setup::migrate(settings),
        Command::Users {
            command: UsersCommand::Create(command),
        } => users::create(settings, command),
        Command::Keys { command } => match command {
            KeysCommand::List => keys::list(settings),
            KeysCommand::Rotate => keys::rotate(settings),
            KeysCommand::Reseal => keys::reseal(settings),
        },
        Command::SetupToken => setup::setup_token(settings),
        Command::Config {
            command: ConfigCommand::Check,
        } => print("configuration is valid"),
        Command::Health | Command::Doctor(_) | Command::Openapi => Ok(()),
    }
}

/// Starts logging as configured, beginning with what is unwise about the configuration.
fn start_logging(settings: &Settings) -> Result<(), Failure> {
    logging::start(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("configuration: {warning}");
    }
    Ok(())
}

/// Prints what was asked for. A reader that went away (`doorward --help | head -1`) is no failure worth words.
fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::other(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
