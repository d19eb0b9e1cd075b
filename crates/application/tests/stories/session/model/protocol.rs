//! One session, its holders and their requests, as a state machine around the decision of the domain.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use doorward_domain::context::RequestContext;
use doorward_domain::id::{RequestId, SessionId, UserId};
use doorward_domain::session::{
    Authentication, Decision, EndReason, Ended, Generation, ReplayCause, Session, SessionKey, SessionKind,
    SessionPolicy, decide,
};
use doorward_domain::time::Timestamp;

/// The last generation that is explored: its holder does not refresh.
pub const LAST: u8 = 3;
/// The number of generations.
pub const GENERATIONS: usize = LAST as usize + 1;

/// What is explored: the holders of tokens, and the rules of the session.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// The places where tokens are kept. Tabs that share their storage are one place with several concurrent requests.
    pub holders: &'static [Holder],
    /// The number of concurrent requests.
    pub at_once: usize,
    /// The grace window, in ticks.
    pub grace: u8,
    /// The idle limit, in ticks.
    pub idle: u8,
    /// The absolute limit in ticks, if it is explored.
    pub life: Option<u8>,
    /// Whether holders follow the rules for clients, so that none of them may be refused: they retry a token only
    /// within the grace window from the first try, and use its successor only when no older request is in progress;
    /// holders of separate copies use it after the grace window.
    pub careful: bool,
    /// The planted defect.
    pub defect: Option<Defect>,
}

/// The kinds of holders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// The owner, who has the token of the login.
    Owner,
    /// A thief who copies the first holder's token at some time, and has the owner's address and client.
    Thief,
    /// The same with the owner's client in another network.
    NearbyThief,
    /// The same with another client in another network.
    DistantThief,
}

impl Holder {
    pub fn is_thief(self) -> bool {
        self != Self::Owner
    }

    fn origin(self) -> Origin {
        match self {
            Self::Owner | Self::Thief => Origin::Home,
            Self::NearbyThief => Origin::OtherNetwork,
            Self::DistantThief => Origin::OtherNetworkAndClient,
        }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    Home,
    OtherNetwork,
    OtherNetworkAndClient,
}

impl Origin {
    fn ip(self) -> IpAddr {
        IpAddr::V4(match self {
            Self::Home => Ipv4Addr::new(192, 0, 2, 1),
            Self::OtherNetwork | Self::OtherNetworkAndClient => Ipv4Addr::new(203, 0, 113, 1),
        })
    }

    fn user_agent(self) -> String {
        match self {
            Self::Home | Self::OtherNetwork => "browser/1.0".to_owned(),
            Self::OtherNetworkAndClient => "curl/8".to_owned(),
        }
    }
}

/// How many repeats of a generation from elsewhere are answered.
pub const MAX_REPEATS: u8 = 1;

/// A defect known from other implementations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Ending a session sets `rotated_at`, and recently rotated sessions are answered even if they have ended.
    RevivedByTheGraceClock,
    /// A rotation is written without checking the state that was read.
    UnconditionalUpdate,
    /// The end of a replayed session is rolled back along with the refusal.
    ReplayRolledBack,
    /// The grace window is measured from the last use, and a retry counts as a use.
    GraceFromLastUse,
    /// The loser of a race to rotate is refused.
    LoserTurnedAway,
    /// A repeat is answered wherever it comes from.
    RepeatedAnywhere,
    /// Of repeats that are decided at once only one is counted.
    RepeatsMiscounted,
}

/// The server's request timeout, in ticks.
pub const PATIENCE: u8 = 3;

/// The current time in every state.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

/// The complete state. Times are stored as ticks ago, and limited to a maximum, so that exploration is unbounded in
/// time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Ticks since the login, if the absolute limit is explored.
    pub age: u8,
    /// The committed session.
    pub row: Row,
    /// The token of each holder, by its generation.
    pub hands: Vec<Option<u8>>,
    /// Sorted, so that states that differ only in the order of requests are equal.
    pub requests: Vec<Request>,
    pub past: Past,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    pub generation: u8,
    /// How many repeats of the generation from elsewhere were answered.
    pub repeats: u8,
    /// Where the last rotation came from.
    pub origin: Origin,
    pub rotated: u8,
    pub last_used: u8,
    pub ended: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    Logout,
    Replay,
}

/// A request in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    pub holder: usize,
    pub presented: u8,
    /// Ticks since it arrived, which is the time that the use case is given.
    pub arrived: u8,
    /// Whether the session had ended when it arrived.
    pub late: bool,
    pub stage: Stage,
}

/// The progress of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// A refresh that has read nothing yet.
    Arrived,
    /// It was decided, from the row that was read, to write this.
    Decided(Write),
    /// Written, and not committed: invisible to others, and no other request can write.
    Written(Write),
    /// This token is being delivered to the holder.
    Answered(u8),
    /// Finished: the holder was refused, or logged out.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Write {
    Rotate,
    /// Counts a repeat from elsewhere, of which this many were counted before.
    Repeat(u8),
    End(End),
}

/// The history, as far as the properties need it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Past {
    /// The generations that committed rotations have used.
    pub used: [bool; GENERATIONS],
    /// Ticks since the last rotation.
    pub rotated: u8,
    /// How many repeats from elsewhere were answered since.
    pub repeats: u8,
    /// The latest generation that reached a holder.
    pub acknowledged: u8,
    /// Whether a client was told that the session has ended, or was refused because of a replay.
    pub ended: bool,
    /// Ticks since each token was first tried, if the holders follow the rules.
    pub tried: [Option<u8>; GENERATIONS],
    /// The first violation in a step.
    pub wrong: Option<Wrong>,
}

/// Violations that are visible in a step and not in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A generation was rotated twice.
    Forked,
    /// A token was answered that had been used before, outside the grace window.
    StaleAnswered,
    /// A repeat was answered to a holder who has neither network nor client in common with the rotation.
    StrangerAnswered,
    /// More repeats of one generation from elsewhere were answered than are allowed.
    RepeatedTooOften,
    /// A holder who follows the rules was refused although the session was neither logged out nor expired.
    OwnerTurnedAway,
}

impl Protocol {
    /// The session after a login.
    pub fn login(&self) -> State {
        let owns = |holder: &Holder| (*holder == Holder::Owner).then_some(0);
        State {
            age: 0,
            row: Row {
                generation: 0,
                repeats: 0,
                origin: Origin::Home,
                rotated: 0,
                last_used: 0,
                ended: None,
            },
            hands: self.holders.iter().map(owns).collect(),
            requests: Vec::new(),
            past: Past {
                used: [false; GENERATIONS],
                rotated: 0,
                repeats: 0,
                acknowledged: 0,
                ended: false,
                tried: [None; GENERATIONS],
                wrong: None,
            },
        }
    }

    fn policy(&self) -> SessionPolicy {
        let ticks = |count: u8| Duration::from_secs(count.into());
        SessionPolicy {
            refresh_ttl: self.life.map_or(Duration::from_hours(1), ticks),
            refresh_idle: ticks(self.idle),
            refresh_grace: ticks(self.grace),
            max_repeats: MAX_REPEATS.into(),
            ..SessionPolicy::default()
        }
    }

    /// The greatest stored number of ticks: for requests in progress it makes no difference how much longer.
    fn long_ago(&self) -> u8 {
        self.idle.max(self.grace) + PATIENCE
    }

    /// Advances the time by a tick.
    pub fn tick(&self, state: &mut State) {
        let long_ago = self.long_ago();
        let pass = |ticks: &mut u8| *ticks = (*ticks + 1).min(long_ago);
        if let Some(life) = self.life {
            state.age = (state.age + 1).min(life + PATIENCE);
        }
        pass(&mut state.row.rotated);
        pass(&mut state.row.last_used);
        pass(&mut state.past.rotated);
        for request in &mut state.requests {
            request.arrived += 1;
        }
        for tried in state.past.tried.iter_mut().flatten() {
            *tried = (*tried + 1).min(self.grace);
        }
    }

    /// The session of a row, as the domain sees it.
    pub fn session(&self, state: &State) -> Session {
        let row = &state.row;
        let ago = |ticks: u8| NOW - Duration::from_secs(ticks.into());
        let login = ago(state.age);
        Session {
            id: SessionId::from_bytes([1; 16]),
            user_id: UserId::from_bytes([2; 16]),
            kind: SessionKind::Direct,
            authentication: Authentication::by_password(login),
            key: SessionKey::from_bytes([3; 32]),
            generation: Generation::new(row.generation.into()),
            repeats: row.repeats.into(),
            rotated_at: ago(match self.defect {
                Some(Defect::GraceFromLastUse) => row.last_used,
                _ => row.rotated,
            }),
            created_at: login,
            last_used_at: ago(row.last_used),
            expires_at: login + self.policy().refresh_ttl,
            ended: row.ended.map(|end| Ended {
                at: NOW,
                reason: match end {
                    End::Logout => EndReason::LoggedOut,
                    End::Replay => EndReason::Replayed,
                },
            }),
            ip: Some(row.origin.ip()),
            user_agent: Some(row.origin.user_agent()),
        }
    }

    /// The domain's decision about a token that this holder sent this many ticks ago, or a defective domain's.
    pub fn decide(&self, session: &Session, holder: Holder, presented: u8, arrived: u8) -> Decision {
        let (policy, at) = (self.policy(), NOW - Duration::from_secs(arrived.into()));
        let is_recent = at.since(session.rotated_at) < policy.refresh_grace;
        if self.defect == Some(Defect::RevivedByTheGraceClock) && session.ended.is_some() && is_recent {
            return Decision::Repeat {
                current: session.generation,
            };
        }
        let request = RequestContext {
            now: at,
            request_id: RequestId::from_bytes([4; 16]),
            ip: Some(holder.origin().ip()),
            user_agent: Some(holder.origin().user_agent()),
        };
        let decision = decide(session, Generation::new(presented.into()), &request, &policy);
        match decision {
            Decision::RepeatFromElsewhere { current, .. }
                if self.defect == Some(Defect::RepeatedAnywhere) =>
            {
                Decision::Repeat { current }
            }
            Decision::Replay(ReplayCause::OtherNetworkAndClient | ReplayCause::TooManyRepeats)
                if self.defect == Some(Defect::RepeatedAnywhere) =>
            {
                Decision::Repeat {
                    current: session.generation,
                }
            }
            decision => decision,
        }
    }

    /// Whether the session had expired this many ticks ago.
    pub fn is_over(&self, state: &State, arrived: u8) -> bool {
        let is_old = self
            .life
            .is_some_and(|life| state.age.saturating_sub(arrived) >= life);
        is_old || state.row.last_used.saturating_sub(arrived) >= self.idle
    }

    /// Whether this holder sends this token now.
    pub fn presents(&self, state: &State, presented: u8) -> bool {
        if presented == LAST {
            return false;
        }
        if !self.careful {
            return true;
        }
        let tried = |token: u8| state.past.tried[usize::from(token)];
        if let Some(first) = tried(presented) {
            return first < self.grace;
        }
        let is_shared = self.holders.len() == 1;
        let is_free = presented
            .checked_sub(1)
            .and_then(tried)
            .is_none_or(|first| is_shared || first >= self.grace);
        is_free
            && state
                .requests
                .iter()
                .all(|request| request.presented >= presented)
    }

    /// Reads the row and decides. Nothing is written where there is nothing to write.
    pub fn read(&self, state: &mut State, request: &Request) -> Stage {
        let holder = self.holders[request.holder];
        match self.decide(&self.session(state), holder, request.presented, request.arrived) {
            Decision::Rotate { .. } => Stage::Decided(Write::Rotate),
            Decision::RepeatFromElsewhere { .. } => Stage::Decided(Write::Repeat(state.row.repeats)),
            Decision::Replay(_) => Stage::Decided(Write::End(End::Replay)),
            Decision::Repeat { .. } => {
                if self.defect == Some(Defect::GraceFromLastUse) {
                    state.row.last_used = request.arrived;
                }
                self.note_answer(state, request);
                Stage::Answered(state.row.generation)
            }
            Decision::Refuse(_) => self.refuse(state, request),
        }
    }

    /// Writes what was decided, on the condition that it still holds.
    pub fn write(&self, state: &mut State, request: &Request, write: Write) -> Stage {
        let row = &state.row;
        let holds = match write {
            Write::Rotate => row.generation == request.presented && row.ended.is_none(),
            Write::Repeat(_) => row.generation == request.presented + 1 && row.ended.is_none(),
            Write::End(_) => row.ended.is_none(),
        };
        match write {
            // The count that the statement returns, not the one that was read, decides whether it is one too many.
            Write::Repeat(read) if holds => {
                let is_miscounted = self.defect == Some(Defect::RepeatsMiscounted);
                let before = if is_miscounted { read } else { row.repeats };
                if before < MAX_REPEATS {
                    Stage::Written(Write::Repeat(before))
                } else {
                    Stage::Written(Write::End(End::Replay))
                }
            }
            _ if holds => Stage::Written(write),
            Write::Repeat(_) => Stage::Arrived,
            Write::Rotate => match self.defect {
                Some(Defect::UnconditionalUpdate) => Stage::Written(write),
                Some(Defect::LoserTurnedAway) => self.refuse(state, request),
                _ => Stage::Arrived,
            },
            Write::End(End::Logout) => Stage::Closed,
            Write::End(End::Replay) => self.refuse(state, request),
        }
    }

    /// Commits what was written.
    pub fn commit(&self, state: &mut State, request: &Request, write: Write) -> Stage {
        let (row, past) = (&mut state.row, &mut state.past);
        match write {
            Write::Rotate => {
                let used = &mut past.used[usize::from(request.presented)];
                if *used {
                    past.wrong = Some(Wrong::Forked);
                }
                *used = true;
                past.rotated = request.arrived;
                past.repeats = 0;
                row.generation = request.presented + 1;
                row.repeats = 0;
                row.origin = self.holders[request.holder].origin();
                row.rotated = request.arrived;
                row.last_used = request.arrived;
                Stage::Answered(row.generation)
            }
            Write::Repeat(before) => {
                row.repeats = before + 1;
                past.repeats += 1;
                let generation = row.generation;
                self.note_answer(state, request);
                Stage::Answered(generation)
            }
            Write::End(end) => {
                if end == End::Logout || self.defect != Some(Defect::ReplayRolledBack) {
                    row.ended = Some(end);
                }
                if self.defect == Some(Defect::RevivedByTheGraceClock) {
                    row.rotated = request.arrived;
                }
                past.ended = true;
                match end {
                    End::Logout => Stage::Closed,
                    End::Replay => self.refuse(state, request),
                }
            }
        }
    }

    /// Records a violation if a token is answered that must not be.
    fn note_answer(&self, state: &mut State, request: &Request) {
        let past = &mut state.past;
        let is_used = past.used[usize::from(request.presented)];
        let is_late = past.rotated.saturating_sub(request.arrived) >= self.grace;
        if is_used && (is_late || request.presented + 1 < state.row.generation) {
            past.wrong = Some(Wrong::StaleAnswered);
        }
        let (origin, rotation) = (self.holders[request.holder].origin(), state.row.origin);
        if origin != rotation && [origin, rotation].contains(&Origin::OtherNetworkAndClient) {
            past.wrong = Some(Wrong::StrangerAnswered);
        }
        if past.repeats > MAX_REPEATS {
            past.wrong = Some(Wrong::RepeatedTooOften);
        }
    }

    /// Refuses, and records a violation if the holder must not be refused.
    fn refuse(&self, state: &mut State, request: &Request) -> Stage {
        let is_due = state.row.ended == Some(End::Logout) || self.is_over(state, request.arrived);
        if self.careful && !is_due {
            state.past.wrong = Some(Wrong::OwnerTurnedAway);
        }
        Stage::Closed
    }
}
