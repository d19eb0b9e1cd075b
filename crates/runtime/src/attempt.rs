//! The driver of password attempts, from one lane to the next.
//!
//! What a login, a change of password and a deletion have in common: whether the attempt may be made is looked up and
//! counted on the storage lane, the password is verified on the password lane, and the result is completed by the use
//! case, on the storage lane again. An attempt that is refused holds no lock and costs no hash.

use std::sync::{Arc, Mutex, PoisonError};

use doorward_application::{AttemptError, CountedAttempt, PasswordAttempt};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;

use crate::application::Application;
use crate::error::{ExecutorError, RunError};
use crate::origin::RequestOrigin;

impl Application {
    /// Runs a password attempt from its beginning to its end. Once it is counted it is completed, or taken back, even if the
    /// returned future is dropped.
    pub async fn run_attempt<V, T, E>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        begin: impl FnOnce(&Self, &RequestContext) -> Result<PasswordAttempt, E> + Send + 'static,
        verify: impl FnOnce(&Self, CountedAttempt) -> Result<V, HashError> + Send + 'static,
        complete: impl FnOnce(&Self, V, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, RunError<E>>
    where
        V: Send + 'static,
        T: Send + 'static,
        E: From<AttemptError> + From<HashError> + Send + 'static,
    {
        // What could not be hashed anyway is refused before it costs the store anything.
        self.password_lane.has_room(&origin.client())?;
        let attempt = self.run(&self.storage_lane, origin, begin).await?;
        let guard = match attempt.turn() {
            Some(key) => Some(self.keyed_lock.acquire(key).await.map_err(ExecutorError::from)?),
            None => None,
        };
        // A task of its own from here: what is counted is also written to the audit log, although the client may disconnect
        // meanwhile, which drops the future of the request.
        let (app, origin) = (Arc::clone(self), origin.clone());
        let rest = tokio::spawn(async move {
            let count = |app: &Self, context: &RequestContext| app.password_check().count(attempt, context);
            let counted = app
                .run::<_, AttemptError>(&app.storage_lane, &origin, count)
                .await
                .map_err(RunError::widen)?;
            let verified = app
                .verify_or_take_back(&origin, counted, verify)
                .await
                .map_err(RunError::widen)?;
            let complete = move |app: &Self, context: &RequestContext| complete(app, verified, context);
            let result = app.run(&app.storage_lane, &origin, complete).await;
            // The next attempt is counted when this one is completed.
            drop(guard);
            result
        });
        rest.await.map_err(|_panicked| ExecutorError::AttemptAborted)?
    }

    /// Has a counted attempt verified, or takes it back if there was no room for that.
    async fn verify_or_take_back<T: Send + 'static>(
        self: &Arc<Self>,
        origin: &RequestOrigin,
        counted: CountedAttempt,
        verify: impl FnOnce(&Self, CountedAttempt) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, RunError<HashError>> {
        // Whoever takes the attempt out has it alone: it is either verified or taken back, never both.
        let slot = Arc::new(Mutex::new(Some(counted)));
        let take =
            |slot: &Mutex<Option<CountedAttempt>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let to_verify = Arc::clone(&slot);
        let work = move |app: &Self, _: &RequestContext| {
            let attempt = take(&to_verify);
            attempt.map(|attempt| verify(app, attempt)).transpose()
        };
        let verified = self.run(&self.password_lane, origin, work).await;
        if let Some(counted) = take(&slot) {
            let take_back = |app: &Self, _: &RequestContext| app.password_check().take_back(counted);
            // If that fails it stays counted, and the error is why it was not verified.
            let _ = self.run(&self.storage_lane, origin, take_back).await;
        }
        verified?.ok_or_else(|| ExecutorError::AttemptAborted.into())
    }
}

#[cfg(test)]
#[path = "attempt_tests.rs"]
mod tests;
