//! Giving roles and taking them away.

use doorward_domain::access::{AssignRoles, Granted};
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::account::create_user::listed;
use crate::account::new_account::parse_roles;
use crate::account::update_user::{is_last_admin, remember_last_admin};
use crate::session::revoke::revoke_earlier_versions;

/// Replaces the roles of a user, on behalf of an administrator.
pub struct SetRoles<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SetRolesError {
    /// One of the names is no role, or there are too many.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// It would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SetRoles<'_> {
    /// Gives the user exactly these roles. Answers the account as it is.
    pub fn execute(
        &self,
        admin: &Granted<AssignRoles>,
        id: UserId,
        roles: &[String],
        context: &RequestContext,
    ) -> Result<User, SetRolesError> {
        let roles = parse_roles(roles)?;
        let changed = self
            .store
            .transaction(|repos| -> Result<Option<User>, SetRolesError> {
                let mut user = repos.users().lock(id)?.ok_or(SetRolesError::NotFound)?;
                let (was_admin, before) = (user.is_active_admin(), listed(&user.roles));
                if !user.set_roles(roles.clone(), context.now) {
                    return Ok(Some(user));
                }
                let event = |outcome| {
                    Event::new(EventKind::RolesChanged, outcome, context, self.entropy)
                        .of(id)
                        .by(admin.principal().user_id())
                        .with("before", before.as_str())
                        .with("after", listed(&user.roles))
                };
                if was_admin && !user.is_active_admin() && is_last_admin(repos)? {
                    remember_last_admin(repos, event(EventOutcome::Failure))?;
                    return Ok(None);
                }
                repos.users().update(&user)?;
                repos.events().append(&event(EventOutcome::Success))?;
                revoke_earlier_versions(repos, &user, context.now)?;
                Ok(Some(user))
            })?;
        changed.ok_or(SetRolesError::LastAdmin)
    }
}
