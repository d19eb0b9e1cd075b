//! A guess at a password, from one lane to the next.
//!
//! What a login, a change of password and a deletion have in common: whether the guess may be made is looked up and counted
//! on the storage lane, the password is looked at on the password lane, and what comes of it is for the caller to
//! complete, on the storage lane again. Whoever is refused takes no turn and costs no hash.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::rt;
use doorward_application::{AttemptError, CountedAttempt, PasswordAttempt};
use doorward_domain::context::RequestContext;
use doorward_domain::password::HashError;

use crate::app::App;
use crate::extract::Origin;
use crate::problem::{Code, Problem};

impl App {
    /// Takes a guess from its beginning to its end.
    pub(crate) async fn guess<V, T, E>(
        self: &Arc<Self>,
        origin: &Origin,
        begin: impl FnOnce(&Self, &RequestContext) -> Result<PasswordAttempt, E> + Send + 'static,
        verify: impl FnOnce(&Self, CountedAttempt) -> Result<V, HashError> + Send + 'static,
        complete: impl FnOnce(&Self, V, &RequestContext) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Problem>
    where
        V: Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
        Problem: From<E>,
    {
        // What could not be hashed anyway is refused before it costs the store anything.
        self.password_lane.has_room(&origin.client())?;
        let guess = self.on(&self.storage_lane, origin, begin).await?;
        let turn = match guess.turn() {
            Some(key) => Some(self.keyed_lock.enter(key).await?),
            None => None,
        };
        // On its own from here: what is counted is also told to the audit log, although the client may go away meanwhile.
        let (app, origin) = (Arc::clone(self), origin.clone());
        let rest = rt::spawn(async move {
            let count = |app: &Self, context: &RequestContext| app.password_check().count(guess, context);
            let counted = app
                .on::<_, AttemptError>(&app.storage_lane, &origin, count)
                .await?;
            let found = app.verify(&origin, counted, verify).await?;
            let complete = move |app: &Self, context: &RequestContext| complete(app, found, context);
            let outcome = app.on(&app.storage_lane, &origin, complete).await;
            // The next guess is counted when this one is completed.
            drop(turn);
            outcome
        });
        rest.await.map_err(|_panicked| Problem::new(Code::Internal))?
    }

    /// Has a counted guess looked at, or takes it back if there was no room for that.
    async fn verify<T: Send + 'static>(
        self: &Arc<Self>,
        origin: &Origin,
        counted: CountedAttempt,
        verify: impl FnOnce(&Self, CountedAttempt) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, Problem> {
        // Whoever takes the guess out has it alone: it is either looked at or taken back, never both.
        let slot = Arc::new(Mutex::new(Some(counted)));
        let take =
            |slot: &Mutex<Option<CountedAttempt>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        let to_verify = Arc::clone(&slot);
        let work = move |app: &Self, _: &RequestContext| {
            let guess = take(&to_verify);
            guess.map(|guess| verify(app, guess)).transpose()
        };
        let found = self.on(&self.password_lane, origin, work).await;
        if let Some(counted) = take(&slot) {
            let take_back = |app: &Self, _: &RequestContext| app.password_check().take_back(counted);
            // If that fails it stays counted, and what is told is why it was not looked at.
            let _ = self.on(&self.storage_lane, origin, take_back).await;
        }
        found?.ok_or_else(|| Problem::new(Code::Internal))
    }
}
