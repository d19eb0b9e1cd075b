//! One account and its sessions as they should be: small enough to be believed.

use core::time::Duration;

use doorward_domain::session::{EndReason, SessionPolicy};
use doorward_domain::time::Timestamp;

use super::steps::Step;

/// How far the clocks of whoever signs and whoever verifies may differ.
const LEEWAY: Duration = Duration::from_secs(5);

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Tokens of this session and generation, with or without the role `billing`.
    Tokens {
        session: usize,
        generation: usize,
        billing: bool,
    },
    /// It was done.
    Done,
    /// It was refused: the password or the token is not, or not any more, what is asked for.
    Refused,
    /// There is no such live session.
    NotFound,
    /// There was nothing to do it with.
    Nothing,
}

pub(super) struct Reference {
    policy: SessionPolicy,
    active: bool,
    billing: bool,
    /// Counts the changes of roles and status.
    version: u32,
    pub(super) sessions: Vec<SessionReference>,
}

pub(super) struct SessionReference {
    opened_at: Timestamp,
    /// When it was rotated last, which is its last use.
    rotated_at: Timestamp,
    pub(super) generation: usize,
    pub(super) ended: Option<EndReason>,
    /// Of the access token issued last: when it was, and in which version of the user.
    issued: (Timestamp, u32),
}

impl Reference {
    pub(super) fn new(policy: SessionPolicy) -> Self {
        Self {
            policy,
            active: true,
            billing: false,
            version: 0,
            sessions: Vec::new(),
        }
    }

    /// What a step should come to, which is done at `now`.
    pub(super) fn take(&mut self, step: &Step, now: Timestamp) -> Outcome {
        match *step {
            Step::Wait(_) => Outcome::Done,
            Step::Login { right } => self.login(right, now),
            Step::Refresh { session, age } => match self.name(session, age) {
                Some((session, presented)) => self.refresh(session, presented, now),
                None => Outcome::Nothing,
            },
            Step::Logout { session, age } => match self.name(session, age) {
                Some((session, _)) => self.end(session, EndReason::LoggedOut),
                None => Outcome::Nothing,
            },
            Step::EndAllByAdmin => self.end_all(None, EndReason::EndedByAdmin),
            Step::SetActive(active) => {
                if self.active != active {
                    self.active = active;
                    self.version += 1;
                    if !active {
                        self.end_all(None, EndReason::UserDisabled);
                    }
                }
                Outcome::Done
            }
            Step::SetBilling(billing) => {
                if self.billing != billing {
                    self.billing = billing;
                    self.version += 1;
                }
                Outcome::Done
            }
            Step::LogoutEverywhere { from } | Step::ChangePassword { from } | Step::EndOne { from, .. } => {
                match self.name(from, 0) {
                    Some((from, _)) if self.is_authentic(from, now) => self.take_as(from, step, now),
                    Some(_) => Outcome::Refused,
                    None => Outcome::Nothing,
                }
            }
        }
    }

    /// What the holder of a valid access token does.
    fn take_as(&mut self, from: usize, step: &Step, now: Timestamp) -> Outcome {
        match *step {
            Step::ChangePassword { .. } => self.end_all(Some(from), EndReason::PasswordChanged),
            Step::EndOne { session, .. } => match self.name(session, 0) {
                Some((session, _)) if self.is_live(session, now) => self.end(session, EndReason::EndedByUser),
                _ => Outcome::NotFound,
            },
            _ => self.end_all(None, EndReason::LoggedOutEverywhere),
        }
    }

    /// The number of a session, and the generation that is so many rotations old, if they exist.
    pub(super) fn name(&self, session: usize, age: usize) -> Option<(usize, usize)> {
        let number = session.checked_rem(self.sessions.len())?;
        Some((number, self.sessions[number].generation.checked_sub(age)?))
    }

    /// Whether the session's last access token is true at `now`.
    pub(super) fn is_authentic(&self, number: usize, now: Timestamp) -> bool {
        let session = &self.sessions[number];
        let (issued_at, version) = session.issued;
        let expires_at = (issued_at.cut_to_seconds() + self.policy.access_ttl)
            .min((session.opened_at + self.policy.refresh_ttl).cut_to_seconds());
        session.ended.is_none() && version == self.version && now < expires_at + LEEWAY
    }

    fn is_live(&self, number: usize, now: Timestamp) -> bool {
        let session = &self.sessions[number];
        session.ended.is_none()
            && now < session.opened_at + self.policy.refresh_ttl
            && now < session.rotated_at + self.policy.refresh_idle
    }

    fn login(&mut self, right: bool, now: Timestamp) -> Outcome {
        if !right || !self.active {
            return Outcome::Refused;
        }
        self.sessions.push(SessionReference {
            opened_at: now,
            rotated_at: now,
            generation: 0,
            ended: None,
            issued: (now, self.version),
        });
        self.hand_out(self.sessions.len() - 1, now)
    }

    fn refresh(&mut self, number: usize, presented: usize, now: Timestamp) -> Outcome {
        if !self.is_live(number, now) {
            return Outcome::Refused;
        }
        let grace = self.policy.refresh_grace;
        let session = &mut self.sessions[number];
        if presented == session.generation {
            session.generation += 1;
            session.rotated_at = now;
        } else if presented + 1 < session.generation || now >= session.rotated_at + grace {
            session.ended = Some(EndReason::Replayed);
            return Outcome::Refused;
        }
        self.hand_out(number, now)
    }

    fn hand_out(&mut self, number: usize, now: Timestamp) -> Outcome {
        let session = &mut self.sessions[number];
        session.issued = (now, self.version);
        Outcome::Tokens {
            session: number,
            generation: session.generation,
            billing: self.billing,
        }
    }

    fn end(&mut self, number: usize, reason: EndReason) -> Outcome {
        self.sessions[number].ended.get_or_insert(reason);
        Outcome::Done
    }

    fn end_all(&mut self, except: Option<usize>, reason: EndReason) -> Outcome {
        for number in (0..self.sessions.len()).filter(|number| Some(*number) != except) {
            self.end(number, reason);
        }
        Outcome::Done
    }
}
