//! Deletion of one's own account.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::access::{GrantedUser, ManageOwnAccount};
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use crate::account::shared::{LastAdmin, delete};
use crate::attempt::protocol::from_attempt_error;
use crate::attempt::verified::{AttemptResult, FailedAttempt};
use crate::{CountedAttempt, PasswordAttempt, PendingAttempt, UseCases};

/// Deletes the caller's account and its sessions after verifying the password. Its audit events remain.
pub struct DeleteAccount {
    /// The user whose account is deleted.
    pub caller: GrantedUser<ManageOwnAccount>,
    /// The password, as typed.
    pub password: SecretString,
}

/// Why the account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    /// The password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts on the account.
    #[error("too many attempts")]
    TooManyAttempts {
        /// The time until the next attempt is allowed; never zero.
        retry_after: Duration,
    },
    /// The deletion would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account no longer exists or is disabled")]
    Gone,
    /// The password could not be verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

from_attempt_error!(DeleteAccountError);

/// A deletion after verification of the password.
pub struct VerifiedDeletion(AttemptResult);

impl PasswordAttempt for DeleteAccount {
    type Verified = VerifiedDeletion;
    type Output = ();
    type Error = DeleteAccountError;

    fn look(
        &self,
        use_cases: UseCases<'_>,
        context: &RequestContext,
    ) -> Result<PendingAttempt, DeleteAccountError> {
        use_cases
            .password_check()
            .look_at_caller(&self.caller, context)?
            .ok_or(DeleteAccountError::Gone)
    }

    fn verify(
        &self,
        use_cases: UseCases<'_>,
        attempt: CountedAttempt,
    ) -> Result<VerifiedDeletion, HashError> {
        let password = PlainPassword::new(&self.password);
        Ok(VerifiedDeletion(
            use_cases.password_check().verify(attempt, &password)?,
        ))
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        verified: VerifiedDeletion,
        context: &RequestContext,
    ) -> Result<(), DeleteAccountError> {
        let check = use_cases.password_check();
        let right = match verified.0 {
            Ok(right) => right,
            Err(failure) => {
                check.record_failure(EventKind::UserDeleted, &failure, context)?;
                return Err(DeleteAccountError::InvalidCredentials);
            }
        };
        let id = right.credentials.user.id;
        let event = |outcome| {
            Event::new(EventKind::UserDeleted, outcome, context, check.entropy)
                .of(id)
                .by(id)
        };
        let deleted = check.store.transaction(|repos| {
            let user = repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(DeleteAccountError::Gone)?;
            right.reset_count(repos)?;
            if repos.users().password_version(id)? != Some(right.credentials.password_version) {
                return Err(DeleteAccountError::InvalidCredentials);
            }
            // The password was right: resetting the count is committed even if the deletion is refused.
            Ok(delete(repos, check.attempt_keys, &user, event)?)
        });
        if let Err(DeleteAccountError::InvalidCredentials) = deleted {
            let failure = FailedAttempt::overtaken(id);
            check.record_failure(EventKind::UserDeleted, &failure, context)?;
        }
        deleted?
            .into_result()
            .map_err(|LastAdmin| DeleteAccountError::LastAdmin)
    }
}
