//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::config::{Flag, Sources};
use crate::exit::ExitError;

/// A self-hosted authentication service.
///
/// Without a command it serves, with nothing configured: on 127.0.0.1:8080, with an embedded database in ./data.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, after_help = EXIT_STATUSES)]
pub struct Cli {
    /// Where configuration comes from.
    #[command(flatten)]
    pub configuration: ConfigurationArgs,
    /// What to do; to serve, when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_STATUSES: &str = "Exit status: 0 after a graceful end; 78 for a wrong configuration or command line; \
    69 when the database cannot be reached at start; 1 for all else.";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct ConfigurationArgs {
    /// The configuration file; else the one that `DOORWARD_CONFIG` names, else `doorward.toml` if there is one
    #[arg(long, global = true, value_name = "PATH", help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Set one key, such as `log.level=debug`; may be repeated. Not for secrets: others can see a process's arguments
    #[arg(long, global = true, value_name = "KEY=VALUE", help_heading = "Configuration")]
    pub set: Vec<String>,
    /// Set `server.listen`
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS:PORT",
        help_heading = "Configuration"
    )]
    pub listen: Option<String>,
    /// Set `data_dir`
    #[arg(long, global = true, value_name = "PATH", help_heading = "Configuration")]
    pub data_dir: Option<String>,
    /// Set `database.url`; one with a password belongs in the environment or a file instead
    #[arg(long, global = true, value_name = "URL", help_heading = "Configuration")]
    pub database_url: Option<String>,
    /// Set `log.level`
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Configuration")]
    pub log_level: Option<String>,
}

impl ConfigurationArgs {
    /// These flags together with an environment.
    pub fn sources(&self, variables: impl Iterator<Item = (OsString, OsString)>) -> Sources {
        let flags = [
            ("--listen", "server.listen", &self.listen),
            ("--data-dir", "data_dir", &self.data_dir),
            ("--database-url", "database.url", &self.database_url),
            ("--log-level", "log.level", &self.log_level),
        ];
        Sources {
            file: self.config.clone(),
            variables: variables.collect(),
            assignments: self.set.clone(),
            flags: flags
                .into_iter()
                .filter_map(|(name, key, value)| value.clone().map(|value| Flag { name, key, value }))
                .collect(),
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to stop (this is what happens without a command)
    Serve,
    /// Bring the database's schema up to date and end
    Migrate,
    /// Manage users
    Users {
        /// What to do.
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Manage the keys that tokens are signed and sealed with
    Keys {
        /// What to do.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Make a new one-time setup token, which creates the first administrator, and print it
    SetupToken,
    /// Check the configuration
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Ask the running server whether it is ready: exit status 0 if it is, 1 if not
    Health,
    /// Try the way that clients come: which address does the running server take their requests to be from?
    ///
    /// Sends a request to the URL that clients use, and asks the management listener of the running server, which it has to
    /// be able to reach, how that request was seen. Says what is wrong, such as a proxy that is not trusted. Exit status 0
    /// if clients are told apart, 1 if not.
    Doctor(DoctorArgs),
    /// Print the OpenAPI document of the API
    Openapi,
}

/// `doorward users …`
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Create a user
    Create(CreateUser),
}

/// `doorward users create`
#[derive(Debug, Args)]
pub struct CreateUser {
    /// The e-mail address
    #[arg(long)]
    pub email: String,
    /// The name to show
    #[arg(long)]
    pub name: Option<String>,
    /// Make the user an administrator
    #[arg(long)]
    pub admin: bool,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Where a password comes from: never from an argument, which others can see.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PasswordSource {
    /// Read the password from this file; its final line ending is not part of it
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
    /// Read the password from standard input, up to the end of the line
    #[arg(long)]
    pub password_stdin: bool,
}

/// `doorward doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The URL that clients use. With https, which this program does not speak, it prints a command that does, and waits
    #[arg(long, value_name = "URL")]
    pub url: String,
}

/// `doorward keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keys: what each is for and is doing, from when it makes tokens and until when it is kept
    List,
    /// Make the next key of each purpose, without logging anybody out
    ///
    /// The new keys are published first and take over some minutes later; the old ones are kept until every token that they
    /// made has expired. Nothing is made while a next key is waiting to take over.
    Rotate,
    /// Seal every key under `keys.master_key`, those that are under `keys.previous_master_key` anew
    ///
    /// All of them or none. It can be repeated.
    Reseal,
}

/// `doorward config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the whole configuration, say what is wrong with it, and end
    Check,
}

/// What came of the arguments.
pub enum Parsed {
    /// Something to do.
    Run(Box<Cli>),
    /// A text that was asked for: the help or the version.
    Show(String),
}

/// Parses arguments, the program's name first.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, ExitError> {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Parsed::Run(Box::new(cli))),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Show(error.render().to_string()))
        }
        Err(error) => Err(ExitError::configuration(usage_line(&error))),
    }
}

/// What clap says about wrong arguments, in one line: its first paragraph, and where to read on.
fn usage_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is missing; see doorward --help".into();
    }
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "{}; see doorward --help",
        words.strip_prefix("error: ").unwrap_or(&words)
    )
}
