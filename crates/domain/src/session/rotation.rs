//! The rotation of refresh tokens: one pure decision.
//!
//! A session has one current generation. Presenting it moves the session on. Presenting the previous one within the
//! grace window returns the *same* successor again, because the response may have been lost or a second tab may have been
//! faster. Presenting any earlier one means that two parties hold tokens of this session, and ends it (RFC 9700, section
//! 4.14).
//!
//! A thief who repeats each refresh of the owner in time would get every successor. So a repeat from another address or
//! client than the rotation is counted and recorded, more than a few of one generation are a replay, and one that has
//! neither network nor client in common with the rotation is a replay at once.
//!
//! The decision reads when the session was last *rotated* and whether it has *ended*, which are different facts: the
//! grace window therefore never revives an ended session. A rotation that seems to lie in the future, because a clock was
//! set back or clocks differ, is in the window if it is as near as one in the past would have to be.

use crate::attempt::ClientNetwork;
use crate::context::RequestContext;

use super::{Generation, Session, SessionPolicy};

/// The decision about an authentic refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Move the session from `from` to `to`, on condition that it is still at `from`, and issue `to`.
    Rotate {
        /// The generation presented, which is current.
        from: Generation,
        /// Its successor.
        to: Generation,
    },
    /// Issue the current generation again; write nothing.
    Repeat {
        /// The current generation.
        current: Generation,
    },
    /// Count and record the repeat, and issue the current generation again if the count allows it.
    RepeatFromElsewhere {
        /// The current generation.
        current: Generation,
        /// How the request differs from the rotation.
        differs: Difference,
    },
    /// A used token was presented: end the session, record it, refuse.
    Replay(ReplayCause),
    /// Refuse, without further consequence.
    Refuse(Refusal),
}

/// How a repeat differs from the rotation that it repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It comes from another address.
    Address,
    /// It comes from another client (`User-Agent`).
    Client,
    /// Both.
    AddressAndClient,
}

impl Difference {
    /// The word for the difference in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Client => "client",
            Self::AddressAndClient => "address-and-client",
        }
    }

    /// How a request differs from the rotation of a session; `None` if it does not.
    fn between(session: &Session, request: &RequestContext) -> Option<Self> {
        let address = |ip: core::net::IpAddr| ip.to_canonical();
        let is_other_address = session.ip.map(address) != request.ip.map(address);
        match (is_other_address, session.user_agent != request.user_agent) {
            (false, false) => None,
            (true, false) => Some(Self::Address),
            (false, true) => Some(Self::Client),
            (true, true) => Some(Self::AddressAndClient),
        }
    }
}

/// Why a token is a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayCause {
    /// It was used before: its successor was used as well, or the grace window is over.
    Used,
    /// It was repeated from another network by another client.
    OtherNetworkAndClient,
    /// It was repeated from elsewhere too often.
    TooManyRepeats,
}

impl ReplayCause {
    /// The reason in the audit log; `None` for a token that was used, which is the meaning of a replay without a reason.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Used => None,
            Self::OtherNetworkAndClient => Some("other-network-and-client"),
            Self::TooManyRepeats => Some("too-many-repeats"),
        }
    }
}

/// Why a token is refused without further consequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The session was ended.
    Ended,
    /// The session has expired: absolutely, or because it was not used.
    Expired,
    /// The generation is ahead of the session (the store was restored from a backup), or no further generation can be
    /// counted.
    OutOfRange,
}

impl Refusal {
    /// The word for the reason in the audit log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "session-ended",
            Self::Expired => "session-expired",
            Self::OutOfRange => "out-of-range",
        }
    }
}

/// Decides what to do when `request` presents the refresh token of generation `presented`.
///
/// The token's tag MUST have been verified against the session: this function trusts the generation.
pub fn decide(
    session: &Session,
    presented: Generation,
    request: &RequestContext,
    policy: &SessionPolicy,
) -> Decision {
    let now = request.now;
    if session.ended.is_some() {
        return Decision::Refuse(Refusal::Ended);
    }
    if !session.is_live(policy, now) {
        return Decision::Refuse(Refusal::Expired);
    }
    let current = session.generation;
    if presented > current {
        return Decision::Refuse(Refusal::OutOfRange);
    }
    if presented == current {
        return match current.next() {
            Some(to) => Decision::Rotate { from: current, to },
            None => Decision::Refuse(Refusal::OutOfRange),
        };
    }
    let is_predecessor = presented.next() == Some(current);
    // In both directions: a clock that was set back must not leave the window open for as long as it was ahead.
    let distance = now.since(session.rotated_at).max(session.rotated_at.since(now));
    if is_predecessor && distance < policy.refresh_grace {
        return repeat(session, request, policy);
    }
    Decision::Replay(ReplayCause::Used)
}

/// Decides about a repeat within the grace window. The session's address and client are those of its rotation.
fn repeat(session: &Session, request: &RequestContext, policy: &SessionPolicy) -> Decision {
    let current = session.generation;
    let Some(differs) = Difference::between(session, request) else {
        return Decision::Repeat { current };
    };
    // An unknown address does not prove another network.
    let networks = session.ip.zip(request.ip);
    let is_other_network =
        networks.is_some_and(|(one, other)| ClientNetwork::of(one) != ClientNetwork::of(other));
    if is_other_network && differs == Difference::AddressAndClient {
        return Decision::Replay(ReplayCause::OtherNetworkAndClient);
    }
    if session.repeats >= policy.max_repeats {
        return Decision::Replay(ReplayCause::TooManyRepeats);
    }
    Decision::RepeatFromElsewhere { current, differs }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
