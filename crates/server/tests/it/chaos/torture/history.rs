//! Operations and outcomes: as a client saw them, and as they concern one session.

use std::collections::BTreeMap;

use crate::harness::measure::Micros;

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOperation {
    Login,
    /// A refresh with this token.
    Refresh(String),
    /// A logout with a refresh token.
    Logout,
    LogoutAll,
    /// Ended the session of this id.
    Delete(String),
    Me,
}

impl ClientOperation {
    /// The name in reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh(_) => "refresh",
            Self::Logout => "logout",
            Self::LogoutAll => "logout-all",
            Self::Delete(_) => "delete",
            Self::Me => "me",
        }
    }

    /// The statuses that the response may have.
    fn expected(&self) -> &'static [u16] {
        match self {
            Self::Login => &[200],
            Self::Refresh(_) | Self::Me => &[200, 401],
            Self::Logout => &[204],
            Self::LogoutAll => &[204, 401],
            Self::Delete(_) => &[204, 401, 404],
        }
    }
}

/// One request and its response.
#[derive(Debug, Clone)]
pub struct Record {
    pub instance: usize,
    /// When the process was started.
    pub started_at: Micros,
    pub user: usize,
    /// The session of the token, or the one that a login opened.
    pub session: Option<String>,
    pub operation: ClientOperation,
    /// `None` if the connection broke, so that the outcome is unknown.
    pub status: Option<u16>,
    /// The refresh token that was returned.
    pub successor: Option<String>,
    pub invoked: Micros,
    pub returned: Micros,
}

/// The time in which an instance was killed and restarted.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub instance: usize,
    pub from: Micros,
    pub until: Micros,
}

/// An operation on one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOperation {
    /// Opened it.
    Login,
    /// Presented this refresh token of it.
    Refresh(String),
    /// Ended it: a logout, a logout of all sessions, a deletion by id.
    End,
    /// Presented an access token of it.
    Use,
}

/// The outcome of an operation on a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Tokens, with this refresh token.
    Pair(String),
    /// Ended, or accepted.
    Done,
    /// Refused, because the session has ended.
    Refused,
    /// The operation may have taken effect, then or later, or not at all.
    Unknown,
}

/// An operation on one session and its outcome.
#[derive(Debug, Clone)]
pub struct Event {
    pub operation: SessionOperation,
    pub outcome: Outcome,
    pub invoked: Micros,
    pub returned: Micros,
    /// The instance, and when its process was started.
    pub at: (usize, Micros),
}

/// Responses that are wrong by themselves: a status that the operation cannot have, or a missing response without an
/// outage.
pub fn unexpected_responses(records: &[Record], outages: &[Outage]) -> Vec<String> {
    let is_excused = |record: &Record| {
        outages.iter().any(|outage| {
            outage.instance == record.instance
                && record.invoked <= outage.until
                && outage.from <= record.returned
        })
    };
    records
        .iter()
        .filter(|record| match record.status {
            None | Some(503) => !is_excused(record),
            Some(status) => !record.operation.expected().contains(&status),
        })
        .map(|record| format!("an unexpected response: {record:?}"))
        .collect()
}

/// The history of each session, by its id.
pub fn by_session(records: &[Record]) -> BTreeMap<String, Vec<Event>> {
    let mut sessions: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    let logins: Vec<&Record> = records
        .iter()
        .filter(|record| record.operation == ClientOperation::Login && record.session.is_some())
        .collect();
    for record in records {
        let mut add = |session: &str, operation, outcome| {
            let event = Event {
                operation,
                outcome,
                invoked: record.invoked,
                returned: record.returned,
                at: (record.instance, record.started_at),
            };
            sessions.entry(session.to_owned()).or_default().push(event);
        };
        let Some(session) = &record.session else { continue };
        let pair = record.successor.clone().map(Outcome::Pair);
        match &record.operation {
            ClientOperation::Login => add(session, SessionOperation::Login, pair.unwrap_or(Outcome::Unknown)),
            ClientOperation::Refresh(token) => {
                let outcome = pair.unwrap_or(outcome(record.status));
                add(session, SessionOperation::Refresh(token.clone()), outcome);
            }
            ClientOperation::Logout => add(session, SessionOperation::End, outcome(record.status)),
            ClientOperation::Me => add(session, SessionOperation::Use, outcome(record.status)),
            ClientOperation::Delete(target) => {
                add(session, SessionOperation::Use, accepted(record.status));
                if record.status != Some(401) {
                    add(target, SessionOperation::End, outcome(record.status));
                }
            }
            ClientOperation::LogoutAll => {
                add(session, SessionOperation::Use, accepted(record.status));
                for login in logins.iter().filter(|login| login.user == record.user) {
                    let outcome = if login.returned < record.invoked {
                        outcome(record.status)
                    } else if login.invoked <= record.returned || is_unknown(record.status) {
                        Outcome::Unknown
                    } else {
                        continue;
                    };
                    if record.status != Some(401) {
                        add(login.session.as_ref().unwrap(), SessionOperation::End, outcome);
                    }
                }
            }
        }
    }
    for events in sessions.values_mut() {
        events.sort_by_key(|event| event.invoked);
    }
    sessions
}

fn is_unknown(status: Option<u16>) -> bool {
    matches!(status, None | Some(503))
}

fn outcome(status: Option<u16>) -> Outcome {
    match status {
        None | Some(503) => Outcome::Unknown,
        Some(401 | 404) => Outcome::Refused,
        Some(_) => Outcome::Done,
    }
}

/// What a status says of the access token: a 404 means that the token was accepted.
fn accepted(status: Option<u16>) -> Outcome {
    match status {
        Some(404) => Outcome::Done,
        other => outcome(other),
    }
}
