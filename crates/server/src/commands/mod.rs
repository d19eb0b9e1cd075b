//! The commands of the program, one module each.

mod doctor;
mod health;
mod http_client;
mod keys;
mod mail;
mod serve;
mod setup;
mod table;
mod users;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::cli::{self, Cli, Command, ConfigCommand, KeysCommand, MailCommand, Parsed};
use crate::config::{self, Settings};
use crate::exit::ExitError;
use crate::logging;
use crate::system;

/// Runs the program with these arguments (its own name first) and this environment. Prints an error on standard error and
/// returns its exit code.
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> ExitCode {
    system::keep_files_private();
    let result = cli::parse(arguments).and_then(|parsed| match parsed {
        Parsed::Run(cli) => run(*cli, variables),
        Parsed::Show(text) => print(text.trim_end()),
    });
    let (code, last) = match result {
        Ok(()) => (ExitCode::SUCCESS, Vec::new()),
        Err(error) => {
            let lines = error
                .lines()
                .iter()
                .map(|line| format!("doorward: {line}"))
                .collect();
            (ExitCode::from(&error), lines)
        }
    };
    logging::finish(&last);
    code
}

/// Runs the command of the command line.
fn run(cli: Cli, variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), ExitError> {
    let command = cli.command.unwrap_or(Command::Serve);
    if matches!(command, Command::Openapi) {
        // The document does not depend on the configuration.
        return print(&doorward_api::openapi_json(""));
    }
    let settings = config::load(cli.configuration.sources(variables))?;
    if matches!(command, Command::Health) {
        health::check(&settings)?;
        return print("ready");
    }
    if let Command::Doctor(arguments) = &command {
        return doctor::run(&settings, arguments);
    }
    start_logging(&settings)?;
    match command {
        Command::Serve => serve::serve(settings),
        Command::Migrate => setup::migrate(settings),
        Command::Users { command } => users::run(settings, command),
        Command::Keys { command } => match command {
            KeysCommand::List => keys::list(settings),
            KeysCommand::Rotate => keys::rotate(settings),
            KeysCommand::Reseal => keys::reseal(settings),
        },
        Command::Mail { command } => match command {
            MailCommand::Test(command) => mail::test(settings, &command),
            MailCommand::List(command) => mail::list(settings, &command),
        },
        Command::SetupToken => setup::setup_token(settings),
        Command::Config {
            command: ConfigCommand::Check,
        } => print("configuration is valid"),
        Command::Health | Command::Doctor(_) | Command::Openapi => Ok(()),
    }
}

/// Starts logging as configured, and logs the warnings about the configuration.
fn start_logging(settings: &Settings) -> Result<(), ExitError> {
    logging::start(&settings.log)?;
    for warning in &settings.warnings {
        tracing::warn!("configuration: {warning}");
    }
    Ok(())
}

/// Prints to standard output. A reader that has closed the pipe (`doorward --help | head -1`) is not an error.
fn print(text: &str) -> Result<(), ExitError> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(ExitError::other(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}
