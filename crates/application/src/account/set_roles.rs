//! Changing the roles of users.

use doorward_domain::access::AssignRoles;
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::Administrator;
use crate::account::shared::{LastAdmin, is_last_admin, parse_roles, refuse_last_admin, role_list};
use crate::session::revoke::revoke_earlier_versions;

/// Replaces the roles of a user.
pub struct SetRoles<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why the roles were not changed.
#[derive(Debug, thiserror::Error)]
pub enum SetRolesError {
    /// A name is not a role name, or there are too many.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The user does not exist.
    #[error("user not found")]
    NotFound,
    /// The change would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SetRoles<'_> {
    /// Sets the roles to exactly these. Returns the updated account.
    pub fn execute<'b>(
        &self,
        admin: impl Into<Administrator<'b, AssignRoles>>,
        id: UserId,
        roles: &[String],
        context: &RequestContext,
    ) -> Result<User, SetRolesError> {
        let (admin, roles) = (admin.into(), parse_roles(roles)?);
        self.store
            .transaction(|repos| -> Result<Outcome<User, LastAdmin>, SetRolesError> {
                let mut user = repos.users().lock(id)?.ok_or(SetRolesError::NotFound)?;
                let (was_admin, before) = (user.is_active_admin(), role_list(&user.roles));
                if !user.set_roles(roles.clone(), context.now) {
                    return Ok(Outcome::Done(user));
                }
                let event = |outcome| {
                    admin
                        .sign(Event::new(
                            EventKind::RolesChanged,
                            outcome,
                            context,
                            self.entropy,
                        ))
                        .of(id)
                        .with("before", before.as_str())
                        .with("after", role_list(&user.roles))
                };
                if was_admin && !user.is_active_admin() && is_last_admin(repos)? {
                    return Ok(refuse_last_admin(repos, event(EventOutcome::Failure))?);
                }
                repos.users().update(&user)?;
                repos.events().append(&event(EventOutcome::Success))?;
                revoke_earlier_versions(repos, &user, context.now)?;
                Ok(Outcome::Done(user))
            })?
            .into_result()
            .map_err(|LastAdmin| SetRolesError::LastAdmin)
    }
}
