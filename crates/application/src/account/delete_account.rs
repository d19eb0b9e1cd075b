//! Deleting one's own account.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::access::{Granted, ManageOwnAccount};
use doorward_domain::account::User;
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use crate::account::update_user::{is_last_admin, remember_last_admin};
use crate::attempt::budget::forget_networks;
use crate::attempt::password_check::{Failure, Finding};
use crate::session::revoke::revoke_all_versions;
use crate::{CountedAttempt, PasswordAttempt, PasswordCheck};

/// Deletes the caller's account with its sessions, for the password.
pub struct DeleteAccount<'a> {
    /// Verifies the password, and counts guesses.
    pub check: PasswordCheck<'a>,
}

/// Why the account is still there.
#[derive(Debug, thiserror::Error)]
pub enum DeleteAccountError {
    /// The password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
        retry_after: Duration,
    },
    /// It would leave no active administrator.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account is gone")]
    Gone,
    /// The password could not be verified.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A deletion whose password was looked at.
pub struct VerifiedDeletion(Finding);

impl DeleteAccount<'_> {
    /// Deletes it: all phases in a row. The audit log goes on telling of it, by its id.
    pub fn execute(
        &self,
        caller: &Granted<ManageOwnAccount>,
        password: &SecretString,
        context: &RequestContext,
    ) -> Result<(), DeleteAccountError> {
        let guess = self.check.count(self.begin(caller, context)?, context)?;
        let verified = self.verify(guess, password)?;
        self.complete(verified, context)
    }

    /// Looks whether the caller's account may be tried. The guess is then to be [counted](PasswordCheck::count).
    pub fn begin(
        &self,
        caller: &Granted<ManageOwnAccount>,
        context: &RequestContext,
    ) -> Result<PasswordAttempt, DeleteAccountError> {
        let user = self.check.caller(caller)?.ok_or(DeleteAccountError::Gone)?;
        Ok(self.check.look(user.email.canonical(), Some(user.id), context)?)
    }

    /// Looks at the password. Hashes, and asks no store.
    pub fn verify(
        &self,
        guess: CountedAttempt,
        password: &SecretString,
    ) -> Result<VerifiedDeletion, HashError> {
        let finding = self.check.verify(guess, &PlainPassword::new(password))?;
        Ok(VerifiedDeletion(finding))
    }

    /// Deletes the account, or remembers the failure.
    pub fn complete(
        &self,
        deletion: VerifiedDeletion,
        context: &RequestContext,
    ) -> Result<(), DeleteAccountError> {
        let right = match deletion.0 {
            Ok(right) => right,
            Err(failure) => {
                self.check
                    .remember_failure(EventKind::UserDeleted, &failure, context)?;
                return Err(DeleteAccountError::InvalidCredentials);
            }
        };
        let id = right.credentials.user.id;
        let event = Event::new(
            EventKind::UserDeleted,
            EventOutcome::Success,
            context,
            self.check.entropy,
        )
        .of(id)
        .by(id);
        let deleted = self.check.store.transaction(|repos| {
            let user = repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(DeleteAccountError::Gone)?;
            right.forgive(repos)?;
            if repos.users().password_version(id)? != Some(right.credentials.password_version) {
                return Err(DeleteAccountError::InvalidCredentials);
            }
            if user.is_active_admin() && is_last_admin(repos)? {
                // The password was right: that is kept, although the account stays.
                let refused = Event {
                    outcome: EventOutcome::Failure,
                    ..event.clone()
                };
                remember_last_admin(repos, refused)?;
                return Ok(false);
            }
            repos.users().delete(id)?;
            forget_networks(repos, self.check.attempt_keys, user.email.canonical())?;
            repos.events().append(&event)?;
            revoke_all_versions(repos, &user, context.now)?;
            Ok(true)
        });
        if let Err(DeleteAccountError::InvalidCredentials) = deleted {
            let failure = Failure::overtaken(id);
            self.check
                .remember_failure(EventKind::UserDeleted, &failure, context)?;
        }
        if deleted? {
            Ok(())
        } else {
            Err(DeleteAccountError::LastAdmin)
        }
    }
}
