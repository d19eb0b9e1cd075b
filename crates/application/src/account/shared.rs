//! Helpers of several account use cases: the last administrator, deletion, and parsing of input.

use doorward_domain::account::{DisplayName, Role, Roles, User};
use doorward_domain::attempt::AttemptKeys;
use doorward_domain::audit::{Event, EventOutcome};
use doorward_domain::outcome::Outcome;
use doorward_domain::patch::Patch;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::validation::{Invalid, Violation};

use crate::attempt::budget::delete_networks;
use crate::session::revoke::revoke_all_versions;

/// The change would leave no active administrator.
pub(crate) struct LastAdmin;

/// Whether at most one active administrator is left. To be called before a change that deactivates an administrator.
pub(crate) fn is_last_admin(repos: &mut dyn Repositories) -> StoreResult<bool> {
    Ok(repos.users().count_active_admins()? <= 1)
}

/// Records, as this `event`, a change that was refused because it would have left no active administrator.
pub(crate) fn refuse_last_admin<T>(
    repos: &mut dyn Repositories,
    event: Event,
) -> StoreResult<Outcome<T, LastAdmin>> {
    repos.events().append(&event.with("reason", "last-admin"))?;
    Ok(Outcome::Refused(LastAdmin))
}

/// Deletes a locked account and its sessions, unless it is the last active administrator; either is recorded as
/// the `event` of its outcome.
pub(crate) fn delete(
    repos: &mut dyn Repositories,
    attempt_keys: &dyn AttemptKeys,
    user: &User,
    event: impl Fn(EventOutcome) -> Event,
) -> StoreResult<Outcome<(), LastAdmin>> {
    if user.is_active_admin() && is_last_admin(repos)? {
        return refuse_last_admin(repos, event(EventOutcome::Failure));
    }
    repos.users().delete(user.id)?;
    delete_networks(repos, attempt_keys, user.email.canonical())?;
    let deleted = event(EventOutcome::Success);
    repos.events().append(&deleted)?;
    revoke_all_versions(repos, user, deleted.at)?;
    Ok(Outcome::Done(()))
}

/// Parses an optional name; an empty one counts as `None`.
pub(crate) fn parse_name(typed: Option<&str>) -> Result<Option<DisplayName>, Violation> {
    match typed {
        None | Some("") => Ok(None),
        Some(typed) => DisplayName::parse(typed)
            .map(Some)
            .map_err(|error| Violation::new("/name", error.code(), error.to_string())),
    }
}

/// Parses the name of an update.
pub(crate) fn parse_name_change(name: Patch<Option<&str>>) -> Result<Patch<Option<DisplayName>>, Invalid> {
    Ok(match name {
        Patch::Keep => Patch::Keep,
        Patch::To(typed) => Patch::To(parse_name(typed)?),
    })
}

/// Parses role names; the error has a violation for each invalid one.
pub(crate) fn parse_roles(names: &[String]) -> Result<Roles, Invalid> {
    let mut violations = Vec::new();
    let mut roles = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Role::parse(name) {
            Ok(role) => roles.push(role),
            Err(error) => violations.push(Violation::new(
                format!("/roles/{index}"),
                "malformed",
                error.to_string(),
            )),
        }
    }
    let roles: Roles = roles.into_iter().collect();
    if roles.len() > Roles::MAX {
        let detail = format!("a user has at most {} roles", Roles::MAX);
        violations.push(Violation::new("/roles", "too-many", detail));
    }
    if violations.is_empty() {
        Ok(roles)
    } else {
        Err(Invalid::new(violations))
    }
}

/// The roles in the format of audit events.
pub(crate) fn role_list(roles: &Roles) -> String {
    roles.iter().map(Role::as_str).collect::<Vec<_>>().join(" ")
}
