//! The possible steps from a state.

use stateright::{Model, Property};

use super::properties;
use super::protocol::{End, PATIENCE, Protocol, Request, Stage, State, Write};

/// One step of any participant. A crash between two steps is a lost request: what it has committed stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Time passes by a tick.
    Tick,
    /// The thief copies the token of the first holder.
    Steal(usize),
    /// A holder refreshes.
    Refresh(usize),
    /// A holder logs out.
    Logout(usize),
    /// The server performs the next step of a request: reads and decides, writes, commits.
    Serve(usize),
    /// The response arrives.
    Deliver(usize),
    /// The server crashes during a request, or the response is lost.
    Lose(usize),
}

impl Protocol {
    fn begin(&self, state: &mut State, holder: usize, first: Stage) -> Option<()> {
        let presented = state.hands[holder]?;
        if self.careful && first == Stage::Arrived {
            state.past.tried[usize::from(presented)].get_or_insert(0);
        }
        state.requests.push(Request {
            holder,
            presented,
            arrived: 0,
            late: state.row.ended.is_some(),
            stage: first,
        });
        Some(())
    }

    fn serve(&self, state: &mut State, number: usize) {
        let request = state.requests[number];
        let reached = match request.stage {
            Stage::Arrived => self.read(state, &request),
            Stage::Decided(write) => self.write(state, &request, write),
            Stage::Written(write) => self.commit(state, &request, write),
            done => done,
        };
        if reached == Stage::Closed {
            state.requests.remove(number);
        } else {
            state.requests[number] = Request {
                stage: reached,
                ..request
            };
        }
    }

    /// Whether one more request may start. After the end of the session one at a time is enough: such requests leave no state
    /// behind that affects another.
    fn has_room(&self, state: &State) -> bool {
        let is_ended = state.row.ended.is_some();
        state.requests.len() < self.at_once
            && !(is_ended && state.requests.iter().any(|request| request.late))
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.login()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        // A request that has reached the timeout is lost before more time passes.
        if state.requests.iter().all(|request| request.arrived < PATIENCE) {
            steps.push(Step::Tick);
        }
        for (number, (holder, hand)) in self.holders.iter().zip(&state.hands).enumerate() {
            match hand {
                None if holder.is_thief() => steps.push(Step::Steal(number)),
                Some(token) if self.has_room(state) => {
                    if self.presents(state, *token) {
                        steps.push(Step::Refresh(number));
                    }
                    if number == 0 {
                        steps.push(Step::Logout(number));
                    }
                }
                _ => {}
            }
        }
        let is_locked = state
            .requests
            .iter()
            .any(|request| matches!(request.stage, Stage::Written(_)));
        for (number, request) in state.requests.iter().enumerate() {
            match request.stage {
                Stage::Arrived | Stage::Written(_) => steps.push(Step::Serve(number)),
                Stage::Decided(_) if !is_locked => steps.push(Step::Serve(number)),
                Stage::Decided(_) | Stage::Closed => {}
                Stage::Answered(_) => steps.push(Step::Deliver(number)),
            }
            steps.push(Step::Lose(number));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Tick => self.tick(&mut next),
            Step::Steal(thief) => next.hands[thief] = next.hands[0],
            Step::Refresh(holder) => self.begin(&mut next, holder, Stage::Arrived)?,
            Step::Logout(holder) => {
                self.begin(&mut next, holder, Stage::Decided(Write::End(End::Logout)))?;
            }
            Step::Serve(number) => self.serve(&mut next, number),
            Step::Deliver(number) => {
                let request = next.requests.remove(number);
                if let Stage::Answered(token) = request.stage {
                    next.hands[request.holder] = Some(token);
                    next.past.acknowledged = next.past.acknowledged.max(token);
                }
            }
            Step::Lose(number) => {
                next.requests.remove(number);
            }
        }
        next.requests.sort_unstable();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all(self)
    }
}
