//! The commands that change or delete a user. Each prints the user as it is then, a deleted one as it was.

use std::io::{BufRead, Write};

use doorward_application::{
    Administrator, DeleteUserError, EndSessionError, SetRolesError, UnlockUserError, UpdateUserError,
};
use doorward_domain::account::{User, UserStatus};
use doorward_domain::patch::Patch;

use crate::cli::{DeleteUser, OneUser, SetRoles};
use crate::escape::escape;
use crate::exit::ExitError;

use super::{Operation, print_user, roles};

/// Disables a user, which ends all their sessions.
pub fn disable(operation: &Operation, command: &OneUser) -> Result<(), ExitError> {
    let user = set_status(operation, command, UserStatus::Disabled)?;
    report(&user, command.output.json, "is disabled and has no sessions")
}

/// Enables a user again.
pub fn enable(operation: &Operation, command: &OneUser) -> Result<(), ExitError> {
    let user = set_status(operation, command, UserStatus::Active)?;
    report(&user, command.output.json, "is active")
}

fn set_status(operation: &Operation, command: &OneUser, status: UserStatus) -> Result<User, ExitError> {
    let id = operation.find(&command.user)?.id;
    let user = operation.use_cases().update_user().execute(
        Administrator::Operator,
        id,
        Patch::Keep,
        Patch::To(status),
        &operation.context,
    )?;
    operation.number_revocations();
    Ok(user)
}

/// Replaces the roles of a user.
pub fn set_roles(operation: &Operation, command: &SetRoles) -> Result<(), ExitError> {
    let id = operation.find(&command.user)?.id;
    let set = operation.use_cases().set_roles();
    let user = set.execute(Administrator::Operator, id, &command.roles, &operation.context)?;
    operation.number_revocations();
    let what = format!("has the roles {}", roles(&user).join(", "));
    report(&user, command.output.json, &what)
}

/// Unlocks a user after failed attempts.
pub fn unlock(operation: &Operation, command: &OneUser) -> Result<(), ExitError> {
    let user = operation.find(&command.user)?;
    let unlock = operation.use_cases().unlock_user();
    unlock.execute(Administrator::Operator, user.id, &operation.context)?;
    report(&user, command.output.json, "is unlocked")
}

/// Ends all sessions of a user.
pub fn end_sessions(operation: &Operation, command: &OneUser) -> Result<(), ExitError> {
    let user = operation.find(&command.user)?;
    let end = operation.use_cases().end_user_sessions();
    end.execute(Administrator::Operator, user.id, &operation.context)?;
    operation.number_revocations();
    report(&user, command.output.json, "has no sessions")
}

/// Deletes a user, after a confirmation.
pub fn delete(operation: &Operation, command: &DeleteUser) -> Result<(), ExitError> {
    let user = operation.find(&command.user)?;
    if !command.yes {
        confirm(&format!("Delete {} and all their sessions?", label(&user)))?;
    }
    let delete = operation.use_cases().delete_user();
    delete.execute(Administrator::Operator, user.id, &operation.context)?;
    operation.number_revocations();
    report(&user, command.output.json, "is deleted")
}

/// Asks on standard error, and fails unless the line on standard input is `yes`.
fn confirm(question: &str) -> Result<(), ExitError> {
    // If standard error is closed, nobody answers, and nothing is deleted.
    let _ = write!(std::io::stderr(), "{question} Type yes to confirm: ");
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| ExitError::other(format!("the answer cannot be read: {error}")))?;
    if answer.trim() == "yes" {
        Ok(())
    } else {
        Err(ExitError::other(
            "not confirmed, nothing was deleted; --yes does not ask",
        ))
    }
}

fn report(user: &User, as_json: bool, what: &str) -> Result<(), ExitError> {
    print_user(user, as_json, |user| format!("{} {what}", label(user)))
}

/// The address and id of a user.
fn label(user: &User) -> String {
    format!("{} ({})", escape(user.email.as_typed()), user.id)
}

impl From<UpdateUserError> for ExitError {
    fn from(error: UpdateUserError) -> Self {
        match error {
            UpdateUserError::Invalid(invalid) => invalid.into(),
            UpdateUserError::Store(error) => error.into(),
            UpdateUserError::NotFound | UpdateUserError::LastAdmin => Self::other_error(error),
        }
    }
}

impl From<SetRolesError> for ExitError {
    fn from(error: SetRolesError) -> Self {
        match error {
            SetRolesError::Invalid(invalid) => invalid.into(),
            SetRolesError::Store(error) => error.into(),
            SetRolesError::NotFound | SetRolesError::LastAdmin => Self::other_error(error),
        }
    }
}

impl From<DeleteUserError> for ExitError {
    fn from(error: DeleteUserError) -> Self {
        match error {
            DeleteUserError::Store(error) => error.into(),
            DeleteUserError::NotFound | DeleteUserError::LastAdmin => Self::other_error(error),
        }
    }
}

impl From<UnlockUserError> for ExitError {
    fn from(error: UnlockUserError) -> Self {
        match error {
            UnlockUserError::Store(error) => error.into(),
            UnlockUserError::NotFound => Self::other_error(error),
        }
    }
}

impl From<EndSessionError> for ExitError {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::Store(error) => error.into(),
            EndSessionError::NotFound => Self::other("user not found"),
        }
    }
}
