//! One account on a store, compared with its reference.

use doorward_application::{LoginError, RefreshError, TokenPair};
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::EndReason;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use super::has_billing;
use super::history_app::HistoryApp;
use super::reference::{Reference, StepOutcome};
use super::steps::Step;

/// An account, and the tokens returned to its owner.
pub(super) struct AccountUnderTest<'a> {
    app: &'a HistoryApp<'a>,
    user: UserId,
    email: String,
    /// The number of the current password.
    password: usize,
    reference: Reference,
    sessions: Vec<SessionTokens>,
}

/// The tokens returned for one session.
struct SessionTokens {
    id: SessionId,
    access_token: String,
    /// One refresh token for each generation: a second one would be a fork.
    tokens: Vec<String>,
}

impl<'a> AccountUnderTest<'a> {
    /// Registers an account.
    pub(super) fn register(app: &'a HistoryApp<'a>, number: u32) -> Self {
        let email = format!("user{number}@example.org");
        Self {
            app,
            user: app.register(&email),
            email,
            password: 0,
            reference: Reference::new(app.policy()),
            sessions: Vec::new(),
        }
    }

    /// Performs a step on the store and in the reference, and compares the outcomes.
    pub(super) fn perform(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.app.clock.now();
        let outcome = self.perform_unchecked(step)?;
        let expected = self.reference.perform(step, now);
        prop_assert_eq!(outcome, expected, "{:?}", step);
        self.compare()
    }

    fn perform_unchecked(&mut self, step: &Step) -> Result<StepOutcome, TestCaseError> {
        let app = self.app;
        match *step {
            Step::Wait(span) => {
                app.clock.advance(span);
            }
            Step::Login { right } => {
                // The number of a password that is not in use.
                let number = if right { self.password } else { self.password + 1 };
                return match app.login(&self.email, number) {
                    Ok(pair) => self.received(&pair),
                    Err(LoginError::InvalidCredentials) => Ok(StepOutcome::Refused),
                    Err(error) => Err(TestCaseError::fail(error.to_string())),
                };
            }
            Step::Refresh { session, age, from } => {
                let Some((session, generation)) = self.reference.name(session, age) else {
                    return Ok(StepOutcome::Nothing);
                };
                return match app.refresh_from(&self.sessions[session].tokens[generation], from) {
                    Ok(pair) => self.received(&pair),
                    Err(RefreshError::InvalidRefreshToken) => Ok(StepOutcome::Refused),
                    Err(error) => Err(TestCaseError::fail(error.to_string())),
                };
            }
            Step::Logout { session, age } => {
                let Some((session, generation)) = self.reference.name(session, age) else {
                    return Ok(StepOutcome::Nothing);
                };
                app.logout(&self.sessions[session].tokens[generation]);
            }
            Step::EndAllByAdmin => app.end_all_by_admin(self.user),
            Step::SetActive(active) => app.set_active(self.user, active),
            Step::SetBilling(billing) => app.set_billing(self.user, billing),
            Step::LogoutEverywhere { from } | Step::ChangePassword { from } | Step::EndOne { from, .. } => {
                return Ok(self.perform_as(from, step));
            }
        }
        Ok(StepOutcome::Done)
    }

    /// Performs a step that requires an access token, if the token is valid.
    fn perform_as(&mut self, from: usize, step: &Step) -> StepOutcome {
        let Some((from, _)) = self.reference.name(from, 0) else {
            return StepOutcome::Nothing;
        };
        let Some(caller) = self.app.principal(&self.sessions[from].access_token) else {
            return StepOutcome::Refused;
        };
        match *step {
            Step::ChangePassword { .. } => {
                self.app.change_password(caller, self.password);
                self.password += 1;
            }
            Step::EndOne { session, .. } => {
                let session = session % self.sessions.len();
                if !self.app.end_one(caller, self.sessions[session].id) {
                    return StepOutcome::NotFound;
                }
            }
            _ => self.app.logout_everywhere(caller),
        }
        StepOutcome::Done
    }

    fn received(&mut self, pair: &TokenPair) -> Result<StepOutcome, TestCaseError> {
        let known = self.sessions.iter().position(|held| held.id == pair.session_id);
        let session = known.unwrap_or(self.sessions.len());
        if known.is_none() {
            self.sessions.push(SessionTokens {
                id: pair.session_id,
                access_token: String::new(),
                tokens: Vec::new(),
            });
        }
        let held = &mut self.sessions[session];
        pair.access_token.expose().clone_into(&mut held.access_token);
        let token = pair.refresh_token.expose();
        let generation = held.tokens.iter().position(|known| known == token);
        let generation = generation.unwrap_or(held.tokens.len());
        if generation == held.tokens.len() {
            held.tokens.push(token.to_owned());
        }
        prop_assert_eq!(pair.user.id, self.user);
        Ok(StepOutcome::Tokens {
            session,
            generation,
            billing: has_billing(&pair.user.roles),
        })
    }

    /// Compares every session and its last access token with the reference.
    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.sessions.len(), self.reference.sessions.len());
        for (number, (held, expected)) in self.sessions.iter().zip(&self.reference.sessions).enumerate() {
            let kept = self.app.session(held.id);
            prop_assert_eq!(kept.ended.map(|ended| ended.reason), expected.ended);
            prop_assert_eq!(usize::try_from(kept.generation.get()), Ok(expected.generation));
            prop_assert_eq!(kept.repeats, expected.repeats);
            let is_valid = self.app.principal(&held.access_token).is_some();
            prop_assert_eq!(is_valid, self.reference.is_valid(number, self.app.clock.now()));
        }
        Ok(())
    }

    /// Presents every token of ended sessions, and compares the replays and repeats in the audit log with the reference.
    pub(super) fn end(&self, events: &[Event]) -> Result<(), TestCaseError> {
        for (held, expected) in self.sessions.iter().zip(&self.reference.sessions) {
            if expected.ended.is_some() {
                prop_assert!(held.tokens.iter().all(|token| self.app.refresh(token).is_err()));
            }
            let count = |kind| {
                let is_meant = |event: &&Event| event.kind == kind && event.session_id == Some(held.id);
                events.iter().filter(is_meant).count()
            };
            let was_replayed = expected.ended == Some(EndReason::Replayed);
            prop_assert_eq!(count(EventKind::SessionReplayed), usize::from(was_replayed));
            prop_assert_eq!(count(EventKind::SessionRepeated), expected.all_repeats);
        }
        self.compare()
    }
}
