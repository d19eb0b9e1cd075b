//! Change of one's own password.

use core::time::Duration;

use secrecy::SecretString;

use doorward_domain::access::{GrantedUser, ManageOwnAccount};
use doorward_domain::account::{PasswordDigest, User};
use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::context::RequestContext;
use doorward_domain::mail::{MailContent, Occurrence};
use doorward_domain::password::HashError;
use doorward_domain::password::PlainPassword;
use doorward_domain::session::EndReason;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::validation::{Invalid, Violation};

use crate::attempt::protocol::from_attempt_error;
use crate::attempt::verified::{FailedAttempt, VerifiedAttempt};
use crate::mail::notice::Notice;
use crate::session::revoke::end_all;
use crate::{AccountRules, CountedAttempt, PasswordAttempt, PendingAttempt, UseCases};

/// The JSON pointer to the new password in the request.
const NEW_PASSWORD: &str = "/new_password";

/// Replaces the caller's password after verifying the current one, and ends every other session of the caller.
pub struct ChangePassword {
    /// The user whose password is changed.
    pub caller: GrantedUser<ManageOwnAccount>,
    /// The current password, as typed.
    pub current: SecretString,
    /// The new password, as typed.
    pub new: SecretString,
}

/// Why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is wrong.
    #[error("wrong password")]
    InvalidCredentials,
    /// Too many failed attempts on the account.
    #[error("too many attempts")]
    TooManyAttempts {
        /// The time until the next attempt is allowed; never zero.
        retry_after: Duration,
    },
    /// The new password breaks rules, or is the old one.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The account has been deleted or disabled since the token was issued.
    #[error("the account no longer exists or is disabled")]
    Gone,
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

from_attempt_error!(ChangePasswordError);

/// A password change after verification of the current password.
pub struct VerifiedChange(Result<NewPassword, FailedAttempt>);

/// The new password after verification of the current one.
struct NewPassword {
    right: VerifiedAttempt,
    /// The digest of the new password, or its violations.
    digest: Result<PasswordDigest, Invalid>,
}

impl PasswordAttempt for ChangePassword {
    type Verified = VerifiedChange;
    type Output = ();
    type Error = ChangePasswordError;

    fn look(
        &self,
        use_cases: UseCases<'_>,
        context: &RequestContext,
    ) -> Result<PendingAttempt, ChangePasswordError> {
        use_cases
            .password_check()
            .look_at_caller(&self.caller, context)?
            .ok_or(ChangePasswordError::Gone)
    }

    fn verify(&self, use_cases: UseCases<'_>, attempt: CountedAttempt) -> Result<VerifiedChange, HashError> {
        let (current, new) = (PlainPassword::new(&self.current), PlainPassword::new(&self.new));
        let right = match use_cases.password_check().verify(attempt, &current)? {
            Ok(right) => right,
            Err(failure) => return Ok(VerifiedChange(Err(failure))),
        };
        let digest = match check_new(use_cases.account_rules(), &right.credentials.user, &current, &new) {
            Ok(()) => Ok(use_cases.hasher.hash(&new, use_cases.entropy)?),
            Err(invalid) => Err(invalid),
        };
        Ok(VerifiedChange(Ok(NewPassword { right, digest })))
    }

    fn complete(
        &self,
        use_cases: UseCases<'_>,
        verified: VerifiedChange,
        context: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let check = use_cases.password_check();
        let NewPassword { right, digest } = match verified.0 {
            Ok(change) => change,
            Err(failure) => {
                check.record_failure(EventKind::PasswordChanged, &failure, context)?;
                return Err(ChangePasswordError::InvalidCredentials);
            }
        };
        let digest = match digest {
            Ok(digest) => digest,
            Err(invalid) => {
                // The new password is invalid, but the current one was right.
                check
                    .store
                    .transaction(|repos| -> StoreResult<()> { right.reset_count(repos) })?;
                return Err(invalid.into());
            }
        };
        let written = self.write(use_cases, &right, &digest, context);
        if let Err(ChangePasswordError::InvalidCredentials) = written {
            let failure = FailedAttempt::overtaken(right.credentials.user.id);
            check.record_failure(EventKind::PasswordChanged, &failure, context)?;
        }
        written
    }
}

/// Checks the new password against the policy and the current one.
fn check_new(
    rules: AccountRules<'_>,
    user: &User,
    current: &PlainPassword,
    new: &PlainPassword,
) -> Result<(), Invalid> {
    if new.expose() == current.expose() {
        return Err(Violation::new(NEW_PASSWORD, "unchanged", "the new password is the old one").into());
    }
    rules
        .password_policy
        .check(new, Some(&user.email), user.name.as_ref(), rules.estimator)
        .map_err(|weakness| weakness.at(NEW_PASSWORD).into())
}

impl ChangePassword {
    fn write(
        &self,
        use_cases: UseCases<'_>,
        right: &VerifiedAttempt,
        digest: &PasswordDigest,
        context: &RequestContext,
    ) -> Result<(), ChangePasswordError> {
        let (id, version) = (right.credentials.user.id, right.credentials.password_version);
        let session = self.caller.principal().session_id();
        let event = |kind| {
            Event::new(kind, EventOutcome::Success, context, use_cases.entropy)
                .of(id)
                .in_session(session)
        };
        use_cases.store.transaction(|repos| {
            // Locked, so that a login with the old password sees the new version, or its session is ended here.
            let user = repos
                .users()
                .lock(id)?
                .filter(User::is_active)
                .ok_or(ChangePasswordError::Gone)?;
            right.reset_count(repos)?;
            if !repos.users().set_digest(id, digest, version, version.next())? {
                // The password was changed meanwhile: the one that was verified is no longer current.
                return Err(ChangePasswordError::InvalidCredentials);
            }
            right.delete_other_networks(repos)?;
            repos.events().append(&event(EventKind::PasswordChanged))?;
            let notice = Notice {
                content: MailContent::PasswordChanged(Occurrence {
                    at: context.now,
                    ip: context.ip,
                }),
                // Each change is a version.
                about: version.next().get().to_string(),
            };
            notice.queue(use_cases, repos, &user, context.now)?;
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
