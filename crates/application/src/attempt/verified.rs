//! What verifying an attempt found, and what a right password changes.

use doorward_domain::account::Credentials;
use doorward_domain::attempt::AttemptRecord;
use doorward_domain::context::RequestContext;
use doorward_domain::id::UserId;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;

use crate::attempt::budget::{Budget, MAX_ROUNDS, overtaken_too_often};

/// The change of the record by counting an attempt.
pub(super) struct CountedRecord {
    pub(super) budget: Budget,
    pub(super) before: Option<AttemptRecord>,
    /// The record that includes the attempt.
    pub(super) record: AttemptRecord,
}

impl CountedRecord {
    /// Removes the count, in a single statement. If others have been counted since, it stays counted.
    pub(super) fn take_back(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        repos
            .attempts()
            .replace(self.budget.key(), Some(&self.record), self.before.as_ref())
            .map(|_is_taken_back| ())
    }
}

/// The result of verifying an attempt. Clients cannot distinguish a wrong password, an unknown account and a disabled one.
pub(crate) type AttemptResult = Result<VerifiedAttempt, FailedAttempt>;

/// An attempt with the right password.
pub(crate) struct VerifiedAttempt {
    /// The account as it was when the attempt was counted.
    pub(crate) credentials: Credentials,
    /// Whether the password should be hashed again with the current parameters.
    pub(crate) outdated: bool,
    pub(super) count: Option<CountedRecord>,
}

/// A failed attempt, as the audit log records it.
pub(crate) struct FailedAttempt {
    pub(super) user_id: Option<UserId>,
    pub(super) reason: &'static str,
    /// The count to take back: the failure is not the client's.
    pub(super) uncounted: Option<CountedRecord>,
}

impl FailedAttempt {
    /// The password was right, but meanwhile the account was deleted or disabled, or its password changed.
    pub(crate) const fn overtaken(user_id: UserId) -> Self {
        Self {
            user_id: Some(user_id),
            reason: "changed-meanwhile",
            uncounted: None,
        }
    }
}

impl VerifiedAttempt {
    /// Resets the count after a successful attempt. To be called after the account was locked: one order prevents
    /// deadlocks.
    pub(crate) fn reset_count(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        let Some(count) = &self.count else { return Ok(()) };
        let key = count.budget.key();
        // Mostly still the record that the attempt was counted in.
        let mut record = count.record;
        for _ in 0..MAX_ROUNDS {
            let forgiven = record.forgiven(count.record.last_at);
            if repos.attempts().replace(key, Some(&record), forgiven.as_ref())? {
                return Ok(());
            }
            match repos.attempts().find(key)? {
                Some(changed) => record = changed,
                // An administrator has unlocked the account meanwhile.
                None => return Ok(()),
            }
        }
        Err(overtaken_too_often())
    }

    /// Deletes all known networks except the one of this attempt: an attacker who had the old password may have logged in
    /// from the others. To be called after the account was locked.
    pub(crate) fn delete_other_networks(&self, repos: &mut dyn Repositories) -> StoreResult<()> {
        match &self.count {
            Some(count) => count.budget.delete_other_networks(repos),
            None => Ok(()),
        }
    }

    /// Records the network of a successful login. To be called after the account was locked.
    pub(crate) fn note_login(
        &self,
        repos: &mut dyn Repositories,
        context: &RequestContext,
    ) -> StoreResult<()> {
        match &self.count {
            Some(count) => count.budget.note_login(repos, context.now),
            None => Ok(()),
        }
    }
}
