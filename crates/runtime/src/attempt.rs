//! The asynchronous drivers of use cases that hash a password.
//!
//! Phases that use the store run on the storage lane, phases that hash on the password lane. A rejected request holds no
//! lock and costs no hash.

use std::any::type_name;
use std::sync::{Arc, Mutex, PoisonError};

use doorward_application::{AccountCreation, AttemptError, CountedAttempt, PasswordAttempt};
use doorward_domain::account::User;
use doorward_domain::password::HashError;
use tokio::time::timeout;
use tracing::{Instrument as _, debug_span};

use crate::application::Application;
use crate::error::{ExecutorError, RunError};
use crate::keyed_lock::QueueFull;
use crate::origin::RequestOrigin;

impl Application {
    /// Runs a password attempt. Once it is counted, it goes on even if the returned future is dropped. It is taken back if it
    /// could not be verified for want of a thread; after any other error it stays counted.
    pub async fn attempt<A: PasswordAttempt>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        attempt: A,
    ) -> Result<A::Output, RunError<A::Error>> {
        let span = debug_span!("use_case", type = type_name::<A>());
        self.drive_attempt(origin, attempt).instrument(span).await
    }

    async fn drive_attempt<A: PasswordAttempt>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        attempt: A,
    ) -> Result<A::Output, RunError<A::Error>> {
        // Without room on the password lane, reject before using the store.
        self.password_lane().check_room(&origin.lane_key())?;
        let attempt = Arc::new(attempt);
        let to_look = Arc::clone(&attempt);
        let pending = self
            .store_phase(origin, move |use_cases, context| to_look.look(use_cases, context))
            .await?;
        let guard = match pending.lock_key() {
            // Its holder may be waiting for the store.
            Some(key) => Some(
                timeout(self.store_time(origin), self.keyed_lock.acquire(key))
                    .await
                    .unwrap_or(Err(QueueFull))
                    .map_err(ExecutorError::from)?,
            ),
            None => None,
        };
        // The rest runs in a task of its own: if the client disconnects, actix-web drops the future of the request, but a
        // counted attempt must still be completed and audited.
        let (app, origin) = (Arc::clone(self), origin.clone());
        let rest = async move {
            let counted = app
                .store_phase::<_, AttemptError>(&origin, move |use_cases, context| {
                    use_cases.password_check().count(pending, context)
                })
                .await
                .map_err(RunError::widen)?;
            let verified = app
                .verify_or_take_back(&origin, counted, &attempt)
                .await
                .map_err(RunError::widen)?;
            let result = app
                .store_phase(&origin, move |use_cases, context| {
                    attempt.complete(use_cases, verified, context)
                })
                .await;
            // The next attempt on this key is counted only after this one is completed.
            drop(guard);
            result
        };
        let rest = tokio::spawn(rest.in_current_span());
        rest.await.map_err(|_panicked| ExecutorError::AttemptAborted)?
    }

    /// Verifies a counted attempt, or takes it back if the password lane rejects it.
    async fn verify_or_take_back<A: PasswordAttempt>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        counted: CountedAttempt,
        attempt: &Arc<A>,
    ) -> Result<A::Verified, RunError<HashError>> {
        // Taking the attempt out of the slot makes sure that it is either verified or taken back, never both.
        let slot = Arc::new(Mutex::new(Some(counted)));
        let take =
            |slot: &Mutex<Option<CountedAttempt>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (to_verify, attempt) = (Arc::clone(&slot), Arc::clone(attempt));
        let verified = self
            .hash_phase(origin, move |use_cases, _| {
                let counted = take(&to_verify);
                counted
                    .map(|counted| attempt.verify(use_cases, counted))
                    .transpose()
            })
            .await;
        if let Some(counted) = take(&slot) {
            // If this fails the attempt stays counted; the caller gets the error of the verification.
            let _ = self
                .store_phase(origin, move |use_cases, _| {
                    use_cases.password_check().take_back(counted)
                })
                .await;
        }
        verified?.ok_or_else(|| ExecutorError::AttemptAborted.into())
    }

    /// Runs all phases of an account creation.
    pub async fn create<C: AccountCreation>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        creation: C,
    ) -> Result<User, RunError<C::Error>> {
        let span = debug_span!("use_case", type = type_name::<C>());
        self.drive_creation(origin, creation).instrument(span).await
    }

    async fn drive_creation<C: AccountCreation>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        creation: C,
    ) -> Result<User, RunError<C::Error>> {
        // Without room on the password lane, reject before using the store.
        self.password_lane().check_room(&origin.lane_key())?;
        let creation = Arc::new(creation);
        let (to_look, to_hash) = (Arc::clone(&creation), Arc::clone(&creation));
        let found = self
            .store_phase(origin, move |use_cases, context| to_look.look(use_cases, context))
            .await?;
        let hashed = self
            .hash_phase(origin, move |use_cases, context| {
                to_hash.hash(use_cases, found, context)
            })
            .await?;
        self.store_phase(origin, move |use_cases, context| {
            creation.complete(use_cases, hashed, context)
        })
        .await
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
