//! `doorward users create`

use std::fs;
use std::io::BufRead;
use std::path::Path;

use doorward_application::{AccountDraft, CreateUserAsOperator, CreateUserError};
use doorward_domain::account::Roles;
use secrecy::SecretString;

use crate::cli::{CreateUserArgs, PasswordSource};
use crate::config::Settings;
use crate::exit::ExitError;
use crate::one_line::one_line;

use super::{Operation, print_user};

/// Creates an account and prints its id.
pub fn create(mut settings: Settings, command: CreateUserArgs) -> Result<(), ExitError> {
    let password = read_password(&command.password)?;
    let operation = Operation::new(&mut settings)?;
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
    let user = operation.use_cases().create(&creation, &operation.context)?;
    print_user(&user, command.output.json, |user| user.id.to_string())
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
            CreateUserError::Invalid(invalid) => invalid.into(),
            CreateUserError::Store(error) => error.into(),
            CreateUserError::EmailTaken | CreateUserError::Hash(_) => Self::other_error(error),
        }
    }
}
