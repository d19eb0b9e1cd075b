//! A reference implementation of one account and its sessions, small enough to verify by reading.

use core::time::Duration;

use doorward_domain::session::{EndReason, SessionPolicy};
use doorward_domain::time::Timestamp;

use super::steps::{Origin, Step};

/// The allowed difference between the clocks of signer and verifier.
const LEEWAY: Duration = Duration::from_secs(5);

/// The outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepOutcome {
    /// Tokens of this session and generation, with or without the role `billing`.
    Tokens {
        session: usize,
        generation: usize,
        billing: bool,
    },
    /// The step succeeded.
    Done,
    /// The password or the token was refused.
    Refused,
    /// There is no such active session.
    NotFound,
    /// There was no token to perform it with.
    Nothing,
}

pub(super) struct Reference {
    policy: SessionPolicy,
    active: bool,
    billing: bool,
    /// The number of changes of roles and status.
    version: u32,
    pub(super) sessions: Vec<SessionReference>,
}

pub(super) struct SessionReference {
    opened_at: Timestamp,
    /// The time of the last rotation, which is the last use.
    rotated_at: Timestamp,
    pub(super) generation: usize,
    /// Where that rotation came from.
    rotated_from: Origin,
    /// How many repeats of the generation from elsewhere were answered, and of all generations.
    pub(super) repeats: u32,
    pub(super) all_repeats: usize,
    pub(super) ended: Option<EndReason>,
    /// When the last access token was issued, and the version of the user in it.
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

    /// The expected outcome of a step that is performed at `now`.
    pub(super) fn perform(&mut self, step: &Step, now: Timestamp) -> StepOutcome {
        match *step {
            Step::Wait(_) => StepOutcome::Done,
            Step::Login { right } => self.login(right, now),
            Step::Refresh { session, age, from } => match self.name(session, age) {
                Some((session, presented)) => self.refresh(session, presented, from, now),
                None => StepOutcome::Nothing,
            },
            Step::Logout { session, age } => match self.name(session, age) {
                Some((session, _)) => self.end(session, EndReason::LoggedOut),
                None => StepOutcome::Nothing,
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
                StepOutcome::Done
            }
            Step::SetBilling(billing) => {
                if self.billing != billing {
                    self.billing = billing;
                    self.version += 1;
                }
                StepOutcome::Done
            }
            Step::LogoutEverywhere { from } | Step::ChangePassword { from } | Step::EndOne { from, .. } => {
                match self.name(from, 0) {
                    Some((from, _)) if self.is_valid(from, now) => self.perform_as(from, step, now),
                    Some(_) => StepOutcome::Refused,
                    None => StepOutcome::Nothing,
                }
            }
        }
    }

    /// Performs a step of the holder of a valid access token.
    fn perform_as(&mut self, from: usize, step: &Step, now: Timestamp) -> StepOutcome {
        match *step {
            Step::ChangePassword { .. } => self.end_all(Some(from), EndReason::PasswordChanged),
            Step::EndOne { session, .. } => match self.name(session, 0) {
                Some((session, _)) if self.is_active(session, now) => {
                    self.end(session, EndReason::EndedByUser)
                }
                _ => StepOutcome::NotFound,
            },
            _ => self.end_all(None, EndReason::LoggedOutEverywhere),
        }
    }

    /// The number of a session, and the generation `age` rotations ago, if both exist.
    pub(super) fn name(&self, session: usize, age: usize) -> Option<(usize, usize)> {
        let number = session.checked_rem(self.sessions.len())?;
        Some((number, self.sessions[number].generation.checked_sub(age)?))
    }

    /// Whether the session's last access token is valid at `now`.
    pub(super) fn is_valid(&self, number: usize, now: Timestamp) -> bool {
        let session = &self.sessions[number];
        let (issued_at, version) = session.issued;
        let expires_at = (issued_at.cut_to_seconds() + self.policy.access_ttl)
            .min((session.opened_at + self.policy.refresh_ttl).cut_to_seconds());
        session.ended.is_none() && version == self.version && now < expires_at + LEEWAY
    }

    fn is_active(&self, number: usize, now: Timestamp) -> bool {
        let session = &self.sessions[number];
        session.ended.is_none()
            && now < session.opened_at + self.policy.refresh_ttl
            && now < session.rotated_at + self.policy.refresh_idle
    }

    fn login(&mut self, right: bool, now: Timestamp) -> StepOutcome {
        if !right || !self.active {
            return StepOutcome::Refused;
        }
        self.sessions.push(SessionReference {
            opened_at: now,
            rotated_at: now,
            generation: 0,
            rotated_from: Origin::HOME,
            repeats: 0,
            all_repeats: 0,
            ended: None,
            issued: (now, self.version),
        });
        self.issue_tokens(self.sessions.len() - 1, now)
    }

    fn refresh(&mut self, number: usize, presented: usize, from: Origin, now: Timestamp) -> StepOutcome {
        if !self.is_active(number, now) {
            return StepOutcome::Refused;
        }
        let (grace, most) = (self.policy.refresh_grace, self.policy.max_repeats);
        let session = &mut self.sessions[number];
        if presented == session.generation {
            session.generation += 1;
            session.rotated_at = now;
            session.rotated_from = from;
            session.repeats = 0;
        } else {
            let by = session.rotated_from;
            let is_late = presented + 1 < session.generation || now >= session.rotated_at + grace;
            let is_stranger = by.network != from.network && by.client != from.client;
            let is_elsewhere = by != from;
            if is_late || is_stranger || (is_elsewhere && session.repeats == most) {
                session.ended = Some(EndReason::Replayed);
                return StepOutcome::Refused;
            }
            if is_elsewhere {
                session.repeats += 1;
                session.all_repeats += 1;
            }
        }
        self.issue_tokens(number, now)
    }

    fn issue_tokens(&mut self, number: usize, now: Timestamp) -> StepOutcome {
        let session = &mut self.sessions[number];
        session.issued = (now, self.version);
        StepOutcome::Tokens {
            session: number,
            generation: session.generation,
            billing: self.billing,
        }
    }

    fn end(&mut self, number: usize, reason: EndReason) -> StepOutcome {
        self.sessions[number].ended.get_or_insert(reason);
        StepOutcome::Done
    }

    fn end_all(&mut self, except: Option<usize>, reason: EndReason) -> StepOutcome {
        for number in (0..self.sessions.len()).filter(|number| Some(*number) != except) {
            self.end(number, reason);
        }
        StepOutcome::Done
    }
}
