//! `doorward users`: account management for an operator, without an account of their own.

use std::fs;
use std::io::BufRead;
use std::path::Path;

use doorward_application::{AccountDraft, CreateUserAsOperator, CreateUserError};
use doorward_domain::account::Roles;
use doorward_domain::context::RequestContext;
use doorward_domain::id::RequestId;
use secrecy::SecretString;

use crate::cli::{CreateUser, PasswordSource};
use crate::compose;
use crate::config::Settings;
use crate::exit::ExitError;
use crate::one_line::one_line;
use crate::system::{OsEntropy, now};

use super::print;

/// Creates an account and prints its id.
pub fn create(mut settings: Settings, command: CreateUser) -> Result<(), ExitError> {
    let password = read_password(&command.password)?;
    let (ports, _) = compose::ports(&mut settings)?;
    let policies = compose::policies(&settings);
    let now = now();
    let context = RequestContext {
        now,
        request_id: RequestId::generate(now, &OsEntropy),
        ip: None,
        user_agent: None,
    };
    let creation = CreateUserAsOperator {
        draft: AccountDraft {
            email: command.email,
            password,
            name: command.name,
        },
        roles: if command.admin {
            Roles::admin()
        } else {
            Roles::user()
        },
    };
    let user = ports.use_cases(&policies).create(&creation, &context)?;
    print(&user.id.to_string())
}

/// Reads the password; neither a byte order mark nor the line ending is part of it.
fn read_password(source: &PasswordSource) -> Result<SecretString, ExitError> {
    let text = source
        .password_file
        .as_deref()
        .map_or_else(read_line, read_file)?;
    Ok(SecretString::from(one_line(&text)))
}

fn read_line() -> Result<String, ExitError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|error| ExitError::other(format!("the password cannot be read: {error}")))?;
    Ok(line)
}

fn read_file(path: &Path) -> Result<String, ExitError> {
    fs::read_to_string(path).map_err(|error| {
        ExitError::other(format!(
            "the password in {} cannot be read: {error}",
            path.display()
        ))
    })
}

impl From<CreateUserError> for ExitError {
    fn from(error: CreateUserError) -> Self {
        match error {
            CreateUserError::Invalid(invalid) => {
                let reasons = invalid
                    .violations()
                    .iter()
                    .map(|violation| violation.detail.as_str());
                Self::other(reasons.collect::<Vec<_>>().join("; "))
            }
            CreateUserError::Store(error) => error.into(),
            CreateUserError::EmailTaken | CreateUserError::Hash(_) => Self::other(error.to_string()),
        }
    }
}
