//! The delivery of a queued mail: what an attempt may do, and what becomes of the mail after it.
//!
//! ```text
//! queued ──due──► leased ──delivered──► sent
//!   ▲               │ ├──refused, or too late for another attempt──► dead
//!   └─────retry─────┘ └──not wanted any more──► dropped
//! ```
//!
//! Each attempt has a number, which only grows: the lease of the job that makes the attempt. An attempt that was overtaken by
//! a later one changes nothing, whatever it reports.

use core::time::Duration;

use crate::clock::ClockReading;
use crate::job::{JobKind, Retry, RetryPolicy};
use crate::time::Timestamp;

/// The kind of the jobs that deliver mails. Each has the id of its mail, and no payload.
pub const JOB_KIND: JobKind = JobKind::new("mail");

/// When a mail that was not sent is tried again: SMTP servers are out of service for minutes, or for hours.
pub const RETRY_POLICY: RetryPolicy = RetryPolicy {
    delays: &[
        Duration::from_secs(30),
        Duration::from_mins(2),
        Duration::from_mins(10),
        Duration::from_mins(30),
    ],
    then: Duration::from_hours(1),
};

/// Where a mail is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Waits for its first or next attempt.
    Queued,
    /// The latest attempt is under way, or its worker died.
    Leased,
    /// Accepted by the next server at this time.
    Sent(Timestamp),
    /// Given up at this time.
    Dead(Timestamp),
    /// Found at this time to be no longer wanted, and not sent.
    Dropped(Timestamp),
}

impl DeliveryState {
    /// The stored and published word for the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Leased => "leased",
            Self::Sent(_) => "sent",
            Self::Dead(_) => "dead",
            Self::Dropped(_) => "dropped",
        }
    }

    /// When the delivery ended; `None` if it has not.
    pub const fn ended_at(self) -> Option<Timestamp> {
        match self {
            Self::Queued | Self::Leased => None,
            Self::Sent(at) | Self::Dead(at) | Self::Dropped(at) => Some(at),
        }
    }

    /// The state with that word and end; `None` if there is no such state.
    pub fn parse(word: &str, ended_at: Option<Timestamp>) -> Option<Self> {
        match (word, ended_at) {
            ("queued", None) => Some(Self::Queued),
            ("leased", None) => Some(Self::Leased),
            ("sent", Some(at)) => Some(Self::Sent(at)),
            ("dead", Some(at)) => Some(Self::Dead(at)),
            ("dropped", Some(at)) => Some(Self::Dropped(at)),
            _ => None,
        }
    }
}

/// The delivery of one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Where the mail is on its way.
    pub state: DeliveryState,
    /// The number of the latest attempt; 0 before the first.
    pub attempt: u32,
    /// From when on the mail is not sent any more.
    pub expires_at: Timestamp,
}

/// What happened to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryEvent {
    /// A worker has claimed its job.
    Due,
    /// The next server has accepted it.
    Delivered,
    /// It was not sent; a later attempt may succeed.
    Retry,
    /// It is never accepted for this recipient.
    Refused,
    /// It is no longer to be sent: its recipient must not be told any more.
    Superseded,
}

/// What becomes of a mail by `event` of the attempt with that number. `None` if the event changes nothing: the attempt was
/// overtaken, or the delivery has ended. If the clock does not tell how old the mail is, it is not given up because of its age.
///
/// The mail is to be sent exactly if `Due` returns [`DeliveryState::Leased`].
pub fn decide(
    delivery: &Delivery,
    attempt: u32,
    event: DeliveryEvent,
    clock: ClockReading,
) -> Option<Delivery> {
    let now = clock.now;
    if delivery.state.ended_at().is_some() {
        return None;
    }
    let state = match event {
        DeliveryEvent::Due if attempt <= delivery.attempt => return None,
        DeliveryEvent::Due if now >= delivery.expires_at && clock.tells_age() => DeliveryState::Dead(now),
        DeliveryEvent::Due => DeliveryState::Leased,
        _ if attempt != delivery.attempt || delivery.state != DeliveryState::Leased => return None,
        DeliveryEvent::Delivered => DeliveryState::Sent(now),
        DeliveryEvent::Refused => DeliveryState::Dead(now),
        DeliveryEvent::Superseded => DeliveryState::Dropped(now),
        DeliveryEvent::Retry => match RETRY_POLICY.next_attempt(attempt, delivery.expires_at, clock) {
            Retry::At(_) => DeliveryState::Queued,
            Retry::Dead => DeliveryState::Dead(now),
        },
    };
    Some(Delivery {
        state,
        attempt,
        expires_at: delivery.expires_at,
    })
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
