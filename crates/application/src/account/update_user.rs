//! Changes of accounts by administrators.

use doorward_domain::access::ManageUsers;
use doorward_domain::account::{User, UserStatus};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::patch::Patch;
use doorward_domain::session::EndReason;
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::StoreError;
use doorward_domain::validation::Invalid;

use crate::Administrator;
use crate::account::shared::{LastAdmin, is_last_admin, parse_name_change, refuse_last_admin};
use crate::session::revoke::{end_all, revoke_earlier_versions};

/// Changes the name or status of an account.
pub struct UpdateUser<'a> {
    /// Stores the accounts.
    pub store: &'a dyn UnitOfWork,
    /// Generates the ids of audit events.
    pub entropy: &'a dyn Entropy,
}

/// Why the account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// The change breaks rules.
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

impl UpdateUser<'_> {
    /// Changes the name, the status or both. Disabling a user ends all their sessions, and enabling them restores none.
    /// Returns the updated account.
    pub fn execute<'b>(
        &self,
        admin: impl Into<Administrator<'b, ManageUsers>>,
        id: UserId,
        name: Patch<Option<&str>>,
        status: Patch<UserStatus>,
        context: &RequestContext,
    ) -> Result<User, UpdateUserError> {
        let (admin, name) = (admin.into(), parse_name_change(name)?);
        let event_of = |kind, outcome| {
            admin
                .sign(Event::new(kind, outcome, context, self.entropy))
                .of(id)
        };
        let event = |kind| event_of(kind, EventOutcome::Success);
        self.store
            .transaction(|repos| -> Result<Outcome<User, LastAdmin>, UpdateUserError> {
                let mut user = repos.users().lock(id)?.ok_or(UpdateUserError::NotFound)?;
                let was_admin = user.is_active_admin();
                let renamed = name.clone().apply(|name| user.set_name(name, context.now));
                let switched = status.apply(|status| user.set_status(status, context.now));
                if was_admin && !user.is_active_admin() && is_last_admin(repos)? {
                    let refused = event_of(EventKind::StatusChanged, EventOutcome::Failure);
                    let refused = refused.with("status", user.status.as_str());
                    return Ok(refuse_last_admin(repos, refused)?);
                }
                if renamed || switched {
                    repos.users().update(&user)?;
                }
                if renamed {
                    repos.events().append(&event(EventKind::UserUpdated))?;
                }
                if switched {
                    repos
                        .events()
                        .append(&event(EventKind::StatusChanged).with("status", user.status.as_str()))?;
                }
                if switched && !user.is_active() {
                    end_all(
                        repos,
                        id,
                        None,
                        EndReason::UserDisabled,
                        event(EventKind::SessionEnded),
                        context,
                    )?;
                }
                if switched {
                    revoke_earlier_versions(repos, &user, context.now)?;
                }
                Ok(Outcome::Done(user))
            })?
            .into_result()
            .map_err(|LastAdmin| UpdateUserError::LastAdmin)
    }
}
