//! `doorward users`: account management for an operator, without an account of their own.
//!
//! The commands use the database, also while servers run on it. What revokes access tokens is written to the revocation log,
//! which every running server reads several times a second.

mod change;
mod create;
mod list;

use std::path::Path;
use std::sync::Arc;

use doorward_api::user_json;
use doorward_application::{FindUser, Policies, Ports, UseCases, UserReference};
use doorward_domain::account::{Role, User};
use doorward_domain::context::RequestContext;
use doorward_domain::id::RequestId;
use doorward_domain::validation::Invalid;
use doorward_persistence::Database;

use crate::cli::UsersCommand;
use crate::compose;
use crate::config::Settings;
use crate::exit::ExitError;
use crate::maintenance::number_last_revocations;
use crate::system::{OsEntropy, now};

use super::print;

/// Runs a subcommand.
pub fn run(mut settings: Settings, command: UsersCommand) -> Result<(), ExitError> {
    match command {
        UsersCommand::Create(command) => create::create(settings, command),
        _ if settings
            .database
            .url
            .sqlite_path()
            .is_some_and(|path| !path.exists()) =>
        {
            Err(ExitError::other(format!(
                "there is no database at {}: is it the right data_dir?",
                settings
                    .database
                    .url
                    .sqlite_path()
                    .unwrap_or(Path::new(""))
                    .display()
            )))
        }
        UsersCommand::List(command) => list::list(&Operation::new(&mut settings)?, &command),
        UsersCommand::Show(command) => list::show(&Operation::new(&mut settings)?, &command),
        UsersCommand::Disable(command) => change::disable(&Operation::new(&mut settings)?, &command),
        UsersCommand::Enable(command) => change::enable(&Operation::new(&mut settings)?, &command),
        UsersCommand::SetRoles(command) => change::set_roles(&Operation::new(&mut settings)?, &command),
        UsersCommand::Unlock(command) => change::unlock(&Operation::new(&mut settings)?, &command),
        UsersCommand::EndSessions(command) => change::end_sessions(&Operation::new(&mut settings)?, &command),
        UsersCommand::Delete(command) => change::delete(&Operation::new(&mut settings)?, &command),
    }
}

/// What a command runs use cases with.
struct Operation {
    ports: Ports,
    database: Arc<Database>,
    policies: Policies,
    context: RequestContext,
}

impl Operation {
    /// Opens the database.
    fn new(settings: &mut Settings) -> Result<Self, ExitError> {
        let (ports, _, database) = compose::ports(settings)?;
        let now = now();
        Ok(Self {
            ports,
            database,
            policies: compose::policies(settings),
            context: RequestContext {
                now,
                request_id: RequestId::generate(now, &OsEntropy),
                ip: None,
                user_agent: None,
            },
        })
    }

    fn use_cases(&self) -> UseCases<'_> {
        self.ports.use_cases(&self.policies)
    }

    /// To be called after a change that may revoke tokens.
    fn number_revocations(&self) {
        number_last_revocations(&self.database);
    }

    /// The account that the command names.
    fn find(&self, user: &UserReference) -> Result<User, ExitError> {
        let find = FindUser {
            store: &*self.ports.store,
        };
        find.execute(user)?
            .ok_or_else(|| ExitError::other("user not found"))
    }
}

/// Prints an account as one line of JSON, or else this text.
fn print_user(user: &User, as_json: bool, text: impl FnOnce(&User) -> String) -> Result<(), ExitError> {
    if as_json {
        print(&user_json(user.clone()))
    } else {
        print(&text(user))
    }
}

fn roles(user: &User) -> Vec<&str> {
    user.roles.iter().map(Role::as_str).collect()
}

impl From<Invalid> for ExitError {
    fn from(invalid: Invalid) -> Self {
        let reasons = invalid.violations().iter();
        let reasons: Vec<_> = reasons.map(|violation| violation.detail.as_str()).collect();
        Self::other(reasons.join("; "))
    }
}
