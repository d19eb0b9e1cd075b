//! Properties that hold in every state, and states that must be reachable.

use doorward_domain::session::Decision;
use stateright::Property;

use super::protocol::{
    End, Holder, LAST, MAX_REPEATS, Origin, Protocol, Request, Stage, State, Write, Wrong,
};

/// At most one generation can be rotated, and each was rotated at most once.
pub const ONE_LINEAGE: &str = "there is one lineage";
/// No holder has, or is about to receive, a token that the store does not know.
pub const NOT_AHEAD: &str = "no token is ahead of the store";
/// A session whose end was reported has ended, and later requests get nothing.
pub const STAYS_ENDED: &str = "what has ended stays ended";
/// The latest token that reached a holder works while the session is active and the token is unused.
pub const ACKNOWLEDGED_WORKS: &str = "an acknowledged token works";
/// A used token returns nothing after the grace window, and nothing when its successor was used as well: of an owner
/// and a thief, the second one is detected at the latest when they first come after the grace window.
pub const STALE_IS_FOUND: &str = "a used token is detected after the grace window";
/// A thief with neither network nor client of the owner gets nothing by repeating the owner's refreshes, and is detected.
pub const STRANGER_IS_FOUND: &str = "a repeat by a stranger is detected";
/// Repeats from elsewhere are answered as often as allowed for one generation, and not once more.
pub const REPEATS_ARE_BOUNDED: &str = "repeats from elsewhere are bounded";
/// Holders who follow the rules for clients are never refused, whatever is lost or crashes.
pub const CAREFUL_OWNER_STAYS: &str = "a careful owner alone is never logged out";

/// The properties that apply to a protocol.
pub fn all(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut all = vec![
        Property::always(ONE_LINEAGE, has_one_lineage),
        Property::always(NOT_AHEAD, is_not_ahead),
        Property::always(STAYS_ENDED, stays_ended),
        Property::always(ACKNOWLEDGED_WORKS, acknowledged_works),
        Property::always(STALE_IS_FOUND, |_, state: &State| {
            state.past.wrong != Some(Wrong::StaleAnswered)
        }),
        Property::always(STRANGER_IS_FOUND, |_, state: &State| {
            state.past.wrong != Some(Wrong::StrangerAnswered)
        }),
        Property::always(REPEATS_ARE_BOUNDED, |_, state: &State| {
            state.past.wrong != Some(Wrong::RepeatedTooOften)
        }),
        Property::sometimes("a logout beats a refresh that was decided", |_, state: &State| {
            state.row.ended == Some(End::Logout) && is_any(state, is_rotating)
        }),
        Property::sometimes(
            "a refresh is answered just before a logout",
            |_, state: &State| {
                state.row.ended == Some(End::Logout)
                    && is_any(state, |request| matches!(request.stage, Stage::Answered(_)))
            },
        ),
        Property::sometimes("a session expires", |protocol: &Protocol, state: &State| {
            state.row.ended.is_none() && protocol.is_over(state, 0)
        }),
        Property::sometimes(
            "a session is used up to the last generation",
            |_, state: &State| state.past.acknowledged == LAST,
        ),
    ];
    if protocol.grace > 0 {
        all.push(Property::sometimes(
            "a lost response is recovered by a retry",
            is_recovered,
        ));
        all.push(Property::sometimes(
            "the loser of a race to rotate decides again",
            |_, state: &State| {
                is_any(state, |request| {
                    is_rotating(request) && request.presented < state.row.generation
                })
            },
        ));
    }
    if protocol.careful {
        all.push(Property::always(CAREFUL_OWNER_STAYS, |_, state: &State| {
            state.past.wrong != Some(Wrong::OwnerTurnedAway)
        }));
    } else {
        all.push(Property::sometimes(
            "a late retry is refused",
            |_, state: &State| state.row.ended == Some(End::Replay),
        ));
        all.push(Property::sometimes(
            "a replay is detected after a logout",
            |_, state: &State| {
                state.row.ended == Some(End::Logout)
                    && is_any(state, |request| {
                        request.stage == Stage::Decided(Write::End(End::Replay))
                    })
            },
        ));
    }
    if protocol.holders.contains(&Holder::NearbyThief) {
        all.push(Property::sometimes(
            "a repeat from elsewhere is counted",
            |_, state: &State| state.row.repeats == MAX_REPEATS,
        ));
        all.push(Property::sometimes(
            "a repeat from elsewhere is one too many",
            |_, state: &State| state.row.repeats == MAX_REPEATS && is_found_in_time(state),
        ));
    }
    if protocol.holders.contains(&Holder::DistantThief) {
        all.push(Property::sometimes(
            "a stranger is detected within the grace window",
            |_, state: &State| is_found_in_time(state),
        ));
    }
    if protocol.holders.iter().any(|holder| holder.is_thief()) {
        all.push(Property::sometimes(
            "the owner reveals the thief",
            |protocol: &Protocol, state: &State| is_found_by(protocol, state, false),
        ));
        all.push(Property::sometimes(
            "the thief is revealed by their own request",
            |protocol: &Protocol, state: &State| is_found_by(protocol, state, true),
        ));
    }
    all
}

fn has_one_lineage(protocol: &Protocol, state: &State) -> bool {
    let session = protocol.session(state);
    let rotates = |presented: &u8| {
        let decision = protocol.decide(&session, Holder::Owner, *presented, 0);
        matches!(decision, Decision::Rotate { .. })
    };
    state.past.wrong != Some(Wrong::Forked) && (0..=LAST + 1).filter(rotates).count() <= 1
}

fn is_not_ahead(_: &Protocol, state: &State) -> bool {
    let under_way = state.requests.iter().filter_map(|request| match request.stage {
        Stage::Answered(token) => Some(token),
        _ => None,
    });
    let held = state.hands.iter().copied().flatten();
    held.chain(under_way).all(|token| token <= state.row.generation)
}

fn stays_ended(_: &Protocol, state: &State) -> bool {
    let is_revived = |request: &Request| request.late && matches!(request.stage, Stage::Answered(_));
    (!state.past.ended || state.row.ended.is_some()) && !is_any(state, is_revived)
}

fn acknowledged_works(protocol: &Protocol, state: &State) -> bool {
    let (row, latest) = (&state.row, state.past.acknowledged);
    if row.ended.is_some() || protocol.is_over(state, 0) {
        return true;
    }
    let decision = protocol.decide(&protocol.session(state), Holder::Owner, latest, 0);
    let is_used = latest < LAST && state.past.used[usize::from(latest)];
    if is_used && state.row.origin != Origin::Home {
        // A thief elsewhere has used it: the owner's retry may reveal that.
        !matches!(decision, Decision::Rotate { .. })
    } else if is_used {
        // Its successor did not arrive: it is returned again within the grace window.
        state.past.rotated >= protocol.grace || matches!(decision, Decision::Repeat { .. })
    } else {
        matches!(decision, Decision::Rotate { .. })
    }
}

/// The successor of a token never arrived, no request for it is in progress, and it is being delivered again.
fn is_recovered(_: &Protocol, state: &State) -> bool {
    let [request] = state.requests.as_slice() else {
        return false;
    };
    // A retry that arrived before the rotation is not a recovery.
    let is_answered = request.stage == Stage::Answered(state.row.generation);
    is_answered && state.past.acknowledged < state.row.generation && request.arrived < state.past.rotated
}

/// A token is about to end the session although it is used within the grace window, as the predecessor of the current one.
fn is_found_in_time(state: &State) -> bool {
    is_any(state, |request| {
        let is_predecessor = request.presented + 1 == state.row.generation;
        request.stage == Stage::Written(Write::End(End::Replay)) && is_predecessor && state.row.rotated == 0
    })
}

/// A holder (the thief or the owner) presented a token that the other has used, which is about to end the session.
fn is_found_by(protocol: &Protocol, state: &State, is_thief: bool) -> bool {
    let finds = |request: &Request| {
        protocol.holders[request.holder].is_thief() == is_thief
            && request.stage == Stage::Written(Write::End(End::Replay))
    };
    let others = protocol
        .holders
        .iter()
        .zip(&state.hands)
        .filter(|(other, _)| other.is_thief() != is_thief);
    let current = Some(state.row.generation);
    is_any(state, finds) && others.into_iter().any(|(_, hand)| *hand == current)
}

fn is_rotating(request: &Request) -> bool {
    request.stage == Stage::Decided(Write::Rotate)
}

fn is_any(state: &State, matches: impl Fn(&Request) -> bool) -> bool {
    state.requests.iter().any(matches)
}
