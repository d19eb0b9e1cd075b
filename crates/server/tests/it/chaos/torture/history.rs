//! What was done and what came of it: as one client saw it, and as it concerns one session.

use std::collections::BTreeMap;

use crate::harness::measure::Micros;

/// What a client did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientOperation {
    Login,
    /// Presented this refresh token, for tokens.
    Refresh(String),
    /// Presented a refresh token, to end its session.
    Logout,
    LogoutAll,
    /// ProcessResult the session of this id.
    Delete(String),
    Me,
}

impl ClientOperation {
    /// The word for it in a report.
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

    /// The statuses that it may be answered with.
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
    /// When the process that was asked was started.
    pub started_at: Micros,
    pub user: usize,
    /// The session whose token was presented, or that a login opened.
    pub session: Option<String>,
    pub operation: ClientOperation,
    /// `None`: the connection broke, and it is not known whether it was done.
    pub status: Option<u16>,
    /// The refresh token handed out.
    pub successor: Option<String>,
    pub invoked: Micros,
    pub returned: Micros,
}

/// From when to when an instance was being killed and started again.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    pub instance: usize,
    pub from: Micros,
    pub until: Micros,
}

/// Something done that concerns one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOperation {
    /// Opened it.
    Login,
    /// Presented this refresh token of it.
    Refresh(String),
    /// ProcessResult it: a logout, a logout of all, a deletion by id.
    End,
    /// Presented an access token of it.
    Use,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Tokens, this refresh token among them.
    Pair(String),
    /// Done: ended, or accepted.
    Done,
    /// Refused, because the session is over.
    Refused,
    /// It may have been done, then or later, or not.
    Unknown,
}

/// Something done that concerns one session, and what came of it.
#[derive(Debug, Clone)]
pub struct Event {
    pub operation: SessionOperation,
    pub outcome: Outcome,
    pub invoked: Micros,
    pub returned: Micros,
    /// The instance that was asked, and when it was started.
    pub at: (usize, Micros),
}

/// What is wrong with single responses: a status that the operation cannot have, or an instance that could not be asked although
/// nobody was killing it.
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
        .map(|record| format!("an response that nothing excuses: {record:?}"))
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
        let mut tell = |session: &str, operation, outcome| {
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
            ClientOperation::Login => {
                tell(session, SessionOperation::Login, pair.unwrap_or(Outcome::Unknown))
            }
            ClientOperation::Refresh(token) => {
                let outcome = pair.unwrap_or(outcome(record.status));
                tell(session, SessionOperation::Refresh(token.clone()), outcome);
            }
            ClientOperation::Logout => tell(session, SessionOperation::End, outcome(record.status)),
            ClientOperation::Me => tell(session, SessionOperation::Use, outcome(record.status)),
            ClientOperation::Delete(target) => {
                tell(session, SessionOperation::Use, accepted(record.status));
                if record.status != Some(401) {
                    tell(target, SessionOperation::End, outcome(record.status));
                }
            }
            ClientOperation::LogoutAll => {
                tell(session, SessionOperation::Use, accepted(record.status));
                for login in logins.iter().filter(|login| login.user == record.user) {
                    let told = if login.returned < record.invoked {
                        outcome(record.status)
                    } else if login.invoked <= record.returned || is_unknown(record.status) {
                        Outcome::Unknown
                    } else {
                        continue;
                    };
                    if record.status != Some(401) {
                        tell(login.session.as_ref().unwrap(), SessionOperation::End, told);
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

/// What a status tells of the access token: who is told that there is no such session was let in.
fn accepted(status: Option<u16>) -> Outcome {
    match status {
        Some(404) => Outcome::Done,
        other => outcome(other),
    }
}
