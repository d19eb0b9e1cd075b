//! Changing somebody else's account.

use doorward_domain::access::{Granted, ManageUsers};
use doorward_domain::account::{User, UserStatus};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::patch::Patch;
use doorward_domain::session::EndReason;
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::Invalid;

use crate::account::new_account::parse_name_change;
use crate::session::end_sessions::end_all;
use crate::session::revoke::revoke_earlier_versions;

/// Changes the name or status of an account, on behalf of an administrator.
pub struct UpdateUser<'a> {
    /// Where accounts are kept.
    pub store: &'a dyn UnitOfWork,
    /// Makes the ids of events.
    pub entropy: &'a dyn Entropy,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateUserError {
    /// The change breaks rules.
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

impl UpdateUser<'_> {
    /// Changes what is to change: the name, the status. A user that is disabled loses every session,
    /// and enabling it again brings none back. Answers the account as it is.
    pub fn execute(
        &self,
        admin: &Granted<ManageUsers>,
        id: UserId,
        name: Patch<Option<&str>>,
        status: Patch<UserStatus>,
        context: &RequestContext,
    ) -> Result<User, UpdateUserError> {
        let name = parse_name_change(name)?;
        let tell = |kind, outcome| {
            Event::new(kind, outcome, context, self.entropy)
                .of(id)
                .by(admin.principal().user_id())
        };
        let event = |kind| tell(kind, EventOutcome::Success);
        let changed = self
            .store
            .transaction(|repos| -> Result<Option<User>, UpdateUserError> {
                let mut user = repos.users().lock(id)?.ok_or(UpdateUserError::NotFound)?;
                let was_admin = user.is_active_admin();
                let renamed = name.clone().apply(|name| user.set_name(name, context.now));
                let switched = status.apply(|status| user.set_status(status, context.now));
                if was_admin && !user.is_active_admin() && is_last_admin(repos)? {
                    let refused = tell(EventKind::StatusChanged, EventOutcome::Failure);
                    remember_last_admin(repos, refused.with("status", user.status.as_str()))?;
                    return Ok(None);
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
                Ok(Some(user))
            })?;
        changed.ok_or(UpdateUserError::LastAdmin)
    }
}

/// Remembers that this `event` did not come about, because no administrator would have been left.
pub(crate) fn remember_last_admin(repos: &mut dyn Repositories, event: Event) -> StoreResult<()> {
    repos.events().append(&event.with("reason", "last-admin"))
}

/// Whether there is no active administrator but one. To be asked of one that is about to stop being one.
pub(crate) fn is_last_admin(repos: &mut dyn Repositories) -> StoreResult<bool> {
    Ok(repos.users().count_active_admins()? <= 1)
}
