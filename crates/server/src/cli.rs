//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use doorward_application::UserReference;
use doorward_domain::account::{Email, InvalidEmail, InvalidRole, Role, UserStatus};

use crate::config::{Flag, Sources};
use crate::exit::ExitError;

/// A self-hosted authentication service.
///
/// Without a command it runs the server. Without configuration the server listens on 127.0.0.1:8080 and uses an embedded
/// database in ./data.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, after_help = EXIT_STATUSES)]
pub struct Cli {
    /// The flags for the configuration.
    #[command(flatten)]
    pub configuration: ConfigurationArgs,
    /// The command; without one, [`Command::Serve`].
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXIT_STATUSES: &str = "Exit status: 0 on success or after a graceful stop; 78 if the configuration or the command \
    line is wrong; 69 if the database cannot be reached at start; 1 for any other error.";

/// The flags of all commands.
#[derive(Debug, Args)]
pub struct ConfigurationArgs {
    /// The configuration file [default: the file that `DOORWARD_CONFIG` names, else `doorward.toml` if it exists]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Configuration")]
    pub config: Option<PathBuf>,
    /// Set one key, such as `log.level=debug`; can be repeated. Not for secrets: other users can see a process's arguments
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
    /// Set `database.url`. If it has a password, use the environment or a file instead
    #[arg(long, global = true, value_name = "URL", help_heading = "Configuration")]
    pub database_url: Option<String>,
    /// Set `log.level`
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Configuration")]
    pub log_level: Option<String>,
}

impl ConfigurationArgs {
    /// Returns these flags, together with an environment, as sources of configuration.
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
    /// Run the server until it is stopped (default)
    Serve,
    /// Migrate the database schema to the version of this program
    Migrate,
    /// Manage users
    Users {
        /// The subcommand.
        #[command(subcommand)]
        command: UsersCommand,
    },
    /// Manage the keys that tokens are signed and sealed with
    Keys {
        /// The subcommand.
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Send a test mail, and list mails
    Mail {
        /// The subcommand.
        #[command(subcommand)]
        command: MailCommand,
    },
    /// Create and print a new one-time setup token, which creates the first administrator
    SetupToken,
    /// Check the configuration
    Config {
        /// The subcommand.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Check whether the running server is ready: exit status 0 if it is, 1 if not
    Health,
    /// Check the proxy configuration: which client address does the running server see?
    ///
    /// Sends a request to the URL that clients use, and asks the management listener of the running server how it observed
    /// that request. The management listener must be reachable. Prints what is wrong, such as a proxy that is not trusted.
    /// Exit status 0 if clients are told apart by address, 1 if not.
    Doctor(DoctorArgs),
    /// Print the OpenAPI document of the API
    Openapi,
}

/// `doorward users …`
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Create a user
    Create(CreateUserArgs),
    /// List users, oldest first
    List(ListUsers),
    /// Show a user
    Show(OneUser),
    /// Disable a user: all sessions end, and the user cannot log in
    Disable(OneUser),
    /// Enable a user who was disabled
    Enable(OneUser),
    /// Replace the roles of a user
    SetRoles(SetRoles),
    /// Unlock a user after too many failed attempts
    Unlock(OneUser),
    /// End all sessions of a user
    EndSessions(OneUser),
    /// Delete a user. Asks for confirmation on standard input
    Delete(DeleteUser),
}

/// How a command prints its result.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print JSON, one user a line, as the API returns it
    #[arg(long)]
    pub json: bool,
}

/// A command about one user.
#[derive(Debug, Args)]
pub struct OneUser {
    /// The id or the e-mail address of the user
    #[arg(value_name = "USER", value_parser = parse_user)]
    pub user: UserReference,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `doorward users list`
#[derive(Debug, Args)]
pub struct ListUsers {
    /// Only the user with this e-mail address
    #[arg(long, value_parser = parse_email)]
    pub email: Option<Email>,
    /// Only users with this role
    #[arg(long, value_parser = parse_role)]
    pub role: Option<Role>,
    /// Only users with this status: `active` or `disabled`
    #[arg(long, value_parser = parse_status)]
    pub status: Option<UserStatus>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `doorward users set-roles`
#[derive(Debug, Args)]
pub struct SetRoles {
    /// The id or the e-mail address of the user
    #[arg(value_name = "USER", value_parser = parse_user)]
    pub user: UserReference,
    /// All roles that the user has from now on
    #[arg(value_name = "ROLE", required = true)]
    pub roles: Vec<String>,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `doorward users delete`
#[derive(Debug, Args)]
pub struct DeleteUser {
    /// The id or the e-mail address of the user
    #[arg(value_name = "USER", value_parser = parse_user)]
    pub user: UserReference,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

fn parse_user(text: &str) -> Result<UserReference, String> {
    UserReference::parse(text).ok_or_else(|| "neither a user id nor an e-mail address".to_owned())
}

fn parse_email(text: &str) -> Result<Email, InvalidEmail> {
    Email::parse(text)
}

fn parse_role(text: &str) -> Result<Role, InvalidRole> {
    Role::parse(text)
}

fn parse_status(text: &str) -> Result<UserStatus, String> {
    UserStatus::parse(text).ok_or_else(|| "neither `active` nor `disabled`".to_owned())
}

/// `doorward users create`
#[derive(Debug, Args)]
pub struct CreateUserArgs {
    /// The e-mail address
    #[arg(long)]
    pub email: String,
    /// The display name
    #[arg(long)]
    pub name: Option<String>,
    /// Make the user an administrator
    #[arg(long)]
    pub admin: bool,
    /// The source of the password.
    #[command(flatten)]
    pub password: PasswordSource,
    /// How the result is printed.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// The source of a password: never an argument, which other users can see.
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
    /// The URL that clients use. This program does not support TLS: for an https URL it prints a command to run, and waits
    #[arg(long, value_name = "URL")]
    pub url: String,
}

/// `doorward keys …`
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List the keys with their purpose, their state, when each is first used and until when it is kept
    List,
    /// Create the next key of each purpose, without logging anybody out
    ///
    /// The new keys are published first and used some minutes later. The old ones are kept until all their tokens have
    /// expired. If the next key of a purpose exists already, no other is created.
    Rotate,
    /// Seal every key with `keys.master_key` that is still sealed with `keys.previous_master_key`
    ///
    /// Reseals all of these keys or none. Can be repeated.
    Reseal,
}

/// `doorward mail …`
#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Send a test mail now, as configured: exit status 0 if it was accepted, 1 if not
    Test(TestMail),
    /// List the mails that were queued lately, the latest first
    List(ListMails),
}

/// `doorward mail test`
#[derive(Debug, Args)]
pub struct TestMail {
    /// The address that it is sent to
    pub address: String,
    /// The language of the mail [default: `mail.locale`]
    #[arg(long, value_name = "LANGUAGE")]
    pub locale: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `doorward mail list`
#[derive(Debug, Args)]
pub struct ListMails {
    /// The most mails
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Print JSON, one object per line
    #[arg(long)]
    pub json: bool,
}

/// `doorward config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Read the whole configuration and print its errors
    Check,
}

/// The result of parsing the arguments.
pub enum Parsed {
    /// A command to run.
    Run(Box<Cli>),
    /// A text to print: the help or the version.
    Show(String),
}

/// Parses the arguments; the first is the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, ExitError> {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Parsed::Run(Box::new(cli))),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Show(error.render().to_string()))
        }
        Err(error) => Err(ExitError::configuration(usage_line(&error))),
    }
}

/// Returns clap's error in one line: its first paragraph, and a reference to the help.
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
