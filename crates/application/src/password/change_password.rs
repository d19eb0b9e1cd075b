//! Changing one's password.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::access::{Granted, ManageOwnAccount};
use doorward_domain::account::{PasswordDigest, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::{Invalid, Violation};

use crate::attempt::password_check::{Failure, VerifiedAttempt};
use crate::session::end_sessions::end_all;
use crate::{AccountRules, CountedAttempt, PasswordAttempt, PasswordCheck};

/// Where the new password stands in the request.
const NEW_PASSWORD: &str = "/new_password";

/// Gives the caller another password, for the current one.
pub struct ChangePassword<'a> {
    /// Verifies the current password, and counts guesses.
    pub check: PasswordCheck<'a>,
    /// What the new password is held to.
    pub rules: AccountRules<'a>,
}

/// Why the password is what it was.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts at the account; it can be tried again after this long.
    #[error("too many attempts")]
    TooManyAttempts {
        /// How long to wait; never zero.
        retry_after: Duration,
    },
    /// The new password breaks rules, or is the old one.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account is gone")]
    Gone,
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A change of password whose current password was looked at.
pub struct VerifiedChange(Result<Change, Failure>);

/// What the right password has asked for.
struct Change {
    right: VerifiedAttempt,
    /// The digest of the new password, or what is wrong with that.
    digest: Result<PasswordDigest, Invalid>,
}

impl ChangePassword<'_> {
    /// Changes the password and ends every other session of the caller: all phases in a row.
    pub fn execute(
        &self,
        caller: &Granted<ManageOwnAccount>,
        current: &SecretString,
        new: &SecretString,
        context: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let guess = self.check.count(self.begin(caller, context)?, context)?;
        let verified = self.verify(guess, current, new)?;
        self.complete(caller, verified, context)
    }

    /// Looks whether the caller's account may be tried. The guess is then to be [counted](PasswordCheck::count).
    pub fn begin(
        &self,
        caller: &Granted<ManageOwnAccount>,
        context: &RequestContext,
    ) -> Result<PasswordAttempt, ChangePasswordError> {
        let user = self.check.caller(caller)?.ok_or(ChangePasswordError::Gone)?;
        Ok(self.check.look(user.email.canonical(), Some(user.id), context)?)
    }

    /// Looks at the current password, and at the new one if that is right. Hashes, and asks no store.
    pub fn verify(
        &self,
        guess: CountedAttempt,
        current: &SecretString,
        new: &SecretString,
    ) -> Result<VerifiedChange, HashError> {
        let (current, new) = (PlainPassword::new(current), PlainPassword::new(new));
        let right = match self.check.verify(guess, &current)? {
            Ok(right) => right,
            Err(failure) => return Ok(VerifiedChange(Err(failure))),
        };
        let digest = match self.check_new(&right.credentials.user, &current, &new) {
            Ok(()) => Ok(self.rules.hasher.hash(&new, self.rules.entropy)?),
            Err(invalid) => Err(invalid),
        };
        Ok(VerifiedChange(Ok(Change { right, digest })))
    }

    /// Changes the password, or remembers the failure.
    pub fn complete(
        &self,
        caller: &Granted<ManageOwnAccount>,
        change: VerifiedChange,
        context: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let Change { right, digest } = match change.0 {
            Ok(change) => change,
            Err(failure) => {
                self.check
                    .remember_failure(EventKind::PasswordChanged, &failure, context)?;
                return Err(ChangePasswordError::InvalidCredentials);
            }
        };
        let digest = match digest {
            Ok(digest) => digest,
            Err(invalid) => {
                // Whatever is wrong with the new password, the current one was right.
                self.check
                    .store
                    .transaction(|repos| -> StoreResult<()> { right.forgive(repos) })?;
                return Err(invalid.into());
            }
        };
        let written = self.write(caller, &right, &digest, context);
        if let Err(ChangePasswordError::InvalidCredentials) = written {
            let failure = Failure::overtaken(right.credentials.user.id);
            self.check
                .remember_failure(EventKind::PasswordChanged, &failure, context)?;
        }
        written
    }

    fn check_new(&self, user: &User, current: &PlainPassword, new: &PlainPassword) -> Result<(), Invalid> {
        if new.expose() == current.expose() {
            return Err(Violation::new(NEW_PASSWORD, "unchanged", "the new password is the old one").into());
        }
        self.rules
            .password_policy
            .check(new, Some(&user.email), user.name.as_ref(), self.rules.estimator)
            .map_err(|weakness| weakness.at(NEW_PASSWORD).into())
    }

    fn write(
        &self,
        caller: &Granted<ManageOwnAccount>,
        right: &VerifiedAttempt,
        digest: &PasswordDigest,
        context: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let (id, version) = (right.credentials.user.id, right.credentials.password_version);
        let session = caller.principal().session_id();
        let event = |kind| {
            Event::new(kind, EventOutcome::Success, context, self.check.entropy)
                .of(id)
                .in_session(session)
        };
        self.check.store.transaction(|repos| {
            // Locked, so that a login with the old password sees the new version, or its session is ended here.
            repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(ChangePasswordError::Gone)?;
            right.forgive(repos)?;
            if !repos.users().set_digest(id, digest, version, version.next())? {
                // Changed meanwhile: what was verified is not the current password any more.
                return Err(ChangePasswordError::InvalidCredentials);
            }
            right.forget_other_networks(repos)?;
            repos.events().append(&event(EventKind::PasswordChanged))?;
            let ended = event(EventKind::SessionEnded);
            Ok(end_all(
                repos,
                id,
                Some(session),
                EndReason::PasswordChanged,
                ended,
                context,
            )?)
        })
    }
}
