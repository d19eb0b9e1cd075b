//! The rotation of refresh tokens: one pure decision.
//!
//! A session has one current generation. Presenting it moves the session on. Presenting the previous one within the
//! grace window returns the *same* successor again, because the response may have been lost or a second tab may have been
//! faster. Presenting any earlier one means that two parties hold tokens of this session, and ends it (RFC 9700, section
//! 4.14).
//!
//! The decision reads when the session was last *rotated* and whether it has *ended*, which are different facts: the
//! grace window therefore never revives an ended session.

use crate::time::Timestamp;

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
    /// A used token was presented: end the session, record it, refuse.
    Replay,
    /// Refuse, without further consequence.
    Refuse(Refusal),
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

/// Decides what to do when the refresh token of generation `presented` is presented at `now`.
///
/// The token's tag MUST have been verified against the session: this function trusts the generation.
pub fn decide(session: &Session, presented: Generation, now: Timestamp, policy: &SessionPolicy) -> Decision {
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
    if is_predecessor && now.since(session.rotated_at) < policy.refresh_grace {
        return Decision::Repeat { current };
    }
    Decision::Replay
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::id::{SessionId, UserId};
    use crate::session::{Authentication, EndReason, Ended, SessionKey, SessionKind};

    const LOGIN: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn session(generation: u32, rotated_after: Duration) -> Session {
        let policy = SessionPolicy::default();
        Session {
            id: SessionId::from_bytes([1; 16]),
            user_id: UserId::from_bytes([2; 16]),
            kind: SessionKind::Direct,
            authentication: Authentication::by_password(LOGIN),
            key: SessionKey::from_bytes([3; 32]),
            generation: Generation::new(generation),
            rotated_at: LOGIN + rotated_after,
            created_at: LOGIN,
            last_used_at: LOGIN + rotated_after,
            expires_at: LOGIN + policy.refresh_ttl,
            ended: None,
            ip: None,
            user_agent: None,
        }
    }

    fn decide_at(session: &Session, presented: u32, after: Duration) -> Decision {
        decide(
            session,
            Generation::new(presented),
            LOGIN + after,
            &SessionPolicy::default(),
        )
    }

    #[test]
    fn the_current_token_rotates() {
        let decision = decide_at(&session(3, Duration::ZERO), 3, Duration::from_secs(1));
        assert_eq!(
            decision,
            Decision::Rotate {
                from: Generation::new(3),
                to: Generation::new(4)
            }
        );
    }

    #[test]
    fn the_previous_token_returns_the_same_successor_only_within_the_grace_window() {
        let session = session(3, Duration::from_secs(100));
        let repeat = Decision::Repeat {
            current: Generation::new(3),
        };
        assert_eq!(decide_at(&session, 2, Duration::from_secs(100)), repeat);
        assert_eq!(decide_at(&session, 2, Duration::from_millis(109_999)), repeat);
        assert_eq!(decide_at(&session, 2, Duration::from_secs(110)), Decision::Replay);
    }

    #[test]
    fn without_a_grace_window_every_retry_is_a_replay() {
        let policy = SessionPolicy {
            refresh_grace: Duration::ZERO,
            ..SessionPolicy::default()
        };
        let session = session(1, Duration::from_secs(5));
        let decision = decide(
            &session,
            Generation::new(0),
            LOGIN + Duration::from_secs(5),
            &policy,
        );
        assert_eq!(decision, Decision::Replay);
    }

    #[test]
    fn a_session_expires_when_idle_and_absolutely() {
        let week = SessionPolicy::default().refresh_idle;
        assert_eq!(
            decide_at(&session(0, Duration::ZERO), 0, week),
            Decision::Refuse(Refusal::Expired)
        );
        let month = SessionPolicy::default().refresh_ttl;
        let busy = session(40, month.saturating_sub(Duration::from_secs(1)));
        assert!(matches!(
            decide_at(&busy, 40, month.saturating_sub(Duration::from_millis(1))),
            Decision::Rotate { .. }
        ));
        assert_eq!(decide_at(&busy, 40, month), Decision::Refuse(Refusal::Expired));
    }

    #[test]
    fn the_last_generation_is_refused_rather_than_wrapped() {
        let session = session(u32::MAX, Duration::ZERO);
        assert_eq!(
            decide_at(&session, u32::MAX, Duration::ZERO),
            Decision::Refuse(Refusal::OutOfRange)
        );
    }

    proptest! {
        #[test]
        fn an_ended_session_is_refused_whatever_is_presented(
            generation in 0_u32..50, presented in 0_u32..50, rotated in 0_u64..100, ended in 0_u64..100, now in 0_u64..200,
        ) {
            let mut session = session(generation, Duration::from_secs(rotated));
            session.ended = Some(Ended { at: LOGIN + Duration::from_secs(ended), reason: EndReason::Replayed });
            prop_assert_eq!(decide_at(&session, presented, Duration::from_secs(now)), Decision::Refuse(Refusal::Ended));
        }

        #[test]
        fn only_the_current_generation_rotates_and_only_its_predecessor_repeats(
            generation in 0_u32..50, presented in 0_u32..60, rotated in 0_u64..1_000_000, now in 0_u64..3_000_000,
        ) {
            let session = session(generation, Duration::from_secs(rotated));
            match decide_at(&session, presented, Duration::from_secs(now)) {
                Decision::Rotate { from, to } => {
                    prop_assert_eq!(from.get(), generation);
                    prop_assert_eq!(presented, generation);
                    prop_assert_eq!(to.get(), generation + 1);
                }
                Decision::Repeat { current } => {
                    prop_assert_eq!(presented + 1, generation);
                    prop_assert_eq!(current.get(), generation);
                    prop_assert!(now < rotated + 10);
                }
                Decision::Replay => prop_assert!(presented < generation),
                Decision::Refuse(_) => {
                    prop_assert!(presented > generation || now >= (rotated + 604_800).min(2_592_000));
                }
            }
        }
    }
}
