//! One account on a store, beside its reference.

use doorward_application::{LoginError, RefreshError, TokenPair};
use doorward_domain::audit::{Event, EventKind};
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::EndReason;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use super::door::Door;
use super::has_billing;
use super::reference::{Outcome, Reference};
use super::steps::Step;

/// An account, and what its owner was given.
pub(super) struct Life<'a> {
    door: &'a Door<'a>,
    user: UserId,
    email: String,
    /// How often the password was changed.
    password: usize,
    reference: Reference,
    sessions: Vec<Holding>,
}

/// What was given of one session.
struct Holding {
    id: SessionId,
    access_token: String,
    /// The one refresh token of each generation: a second one would be a fork.
    tokens: Vec<String>,
}

impl<'a> Life<'a> {
    /// A new account.
    pub(super) fn of(door: &'a Door<'a>, number: u32) -> Self {
        let email = format!("user{number}@example.org");
        Self {
            door,
            user: door.register(&email),
            email,
            password: 0,
            reference: Reference::new(door.policy),
            sessions: Vec::new(),
        }
    }

    /// Takes a step on the store and in the reference, and compares.
    pub(super) fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.door.clock.now();
        let outcome = self.act(step)?;
        let expected = self.reference.take(step, now);
        prop_assert_eq!(outcome, expected, "{:?}", step);
        self.compare()
    }

    fn act(&mut self, step: &Step) -> Result<Outcome, TestCaseError> {
        let door = self.door;
        match *step {
            Step::Wait(span) => {
                door.clock.advance(span);
            }
            Step::Login { right } => {
                // One that is not the password yet.
                let number = if right { self.password } else { self.password + 1 };
                return match door.login(&self.email, number) {
                    Ok(pair) => self.received(&pair),
                    Err(LoginError::InvalidCredentials) => Ok(Outcome::Refused),
                    Err(error) => Err(TestCaseError::fail(error.to_string())),
                };
            }
            Step::Refresh { session, age } => {
                let Some((session, generation)) = self.reference.name(session, age) else {
                    return Ok(Outcome::Nothing);
                };
                return match door.refresh(&self.sessions[session].tokens[generation]) {
                    Ok(pair) => self.received(&pair),
                    Err(RefreshError::InvalidRefreshToken) => Ok(Outcome::Refused),
                    Err(error) => Err(TestCaseError::fail(error.to_string())),
                };
            }
            Step::Logout { session, age } => {
                let Some((session, generation)) = self.reference.name(session, age) else {
                    return Ok(Outcome::Nothing);
                };
                door.logout(&self.sessions[session].tokens[generation]);
            }
            Step::EndAllByAdmin => door.end_all_by_admin(self.user),
            Step::SetActive(active) => door.set_active(self.user, active),
            Step::SetBilling(billing) => door.set_billing(self.user, billing),
            Step::LogoutEverywhere { from } | Step::ChangePassword { from } | Step::EndOne { from, .. } => {
                return Ok(self.act_as(from, step));
            }
        }
        Ok(Outcome::Done)
    }

    /// What the holder of an access token does, if it is valid.
    fn act_as(&mut self, from: usize, step: &Step) -> Outcome {
        let Some((from, _)) = self.reference.name(from, 0) else {
            return Outcome::Nothing;
        };
        let Some(caller) = self.door.principal(&self.sessions[from].access_token) else {
            return Outcome::Refused;
        };
        match *step {
            Step::ChangePassword { .. } => {
                self.door.change_password(caller, self.password);
                self.password += 1;
            }
            Step::EndOne { session, .. } => {
                let session = session % self.sessions.len();
                if !self.door.end_one(caller, self.sessions[session].id) {
                    return Outcome::NotFound;
                }
            }
            _ => self.door.logout_everywhere(caller),
        }
        Outcome::Done
    }

    fn received(&mut self, pair: &TokenPair) -> Result<Outcome, TestCaseError> {
        let known = self.sessions.iter().position(|held| held.id == pair.session_id);
        let session = known.unwrap_or(self.sessions.len());
        if known.is_none() {
            self.sessions.push(Holding {
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
        Ok(Outcome::Tokens {
            session,
            generation,
            billing: has_billing(&pair.user.roles),
        })
    }

    /// Compares every session, and every access token given last.
    fn compare(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.sessions.len(), self.reference.sessions.len());
        for (number, (held, expected)) in self.sessions.iter().zip(&self.reference.sessions).enumerate() {
            let kept = self.door.session(held.id);
            prop_assert_eq!(kept.ended.map(|ended| ended.reason), expected.ended);
            prop_assert_eq!(usize::try_from(kept.generation.get()), Ok(expected.generation));
            let is_authentic = self.door.principal(&held.access_token).is_some();
            prop_assert_eq!(
                is_authentic,
                self.reference.is_authentic(number, self.door.clock.now())
            );
        }
        Ok(())
    }

    /// Presents every token of what has ended, and counts what the audit log tells of thefts.
    pub(super) fn end(&self, events: &[Event]) -> Result<(), TestCaseError> {
        for (held, expected) in self.sessions.iter().zip(&self.reference.sessions) {
            if expected.ended.is_some() {
                prop_assert!(held.tokens.iter().all(|token| self.door.refresh(token).is_err()));
            }
            let is_told = |event: &&Event| {
                event.kind == EventKind::SessionReplayed && event.session_id == Some(held.id)
            };
            let was_replayed = expected.ended == Some(EndReason::Replayed);
            prop_assert_eq!(events.iter().filter(is_told).count(), usize::from(was_replayed));
        }
        self.compare()
    }
}
