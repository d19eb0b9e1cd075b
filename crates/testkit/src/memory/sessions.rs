use core::cmp::Reverse;
use core::net::IpAddr;

use doorward_domain::account::User;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::SessionRepository;
use doorward_domain::session::{EndReason, Ended, Generation, Session};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use super::retention::delete_expired;
use super::state::State;
use super::transaction::Transaction;

impl SessionRepository for Transaction {
    fn insert(&mut self, session: &Session) -> StoreResult<()> {
        let state = self.change()?;
        if !state.accounts.contains_key(&session.user_id) {
            return self.refuse("the user of the session does not exist");
        }
        if state.sessions.contains_key(&session.id) {
            return self.refuse("a session with that id exists");
        }
        state.sessions.insert(session.id, session.clone());
        Ok(())
    }

    fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>> {
        Ok(self.look()?.sessions.get(&id).cloned())
    }

    fn find_with_user(&mut self, id: SessionId) -> StoreResult<Option<(Session, User)>> {
        let state = self.look_once()?;
        Ok(state.sessions.get(&id).and_then(|session| {
            let account = state.accounts.get(&session.user_id)?;
            Some((session.clone(), account.user.clone()))
        }))
    }

    fn rotate(
        &mut self,
        id: SessionId,
        from: Generation,
        now: Timestamp,
        ip: Option<IpAddr>,
        user_agent: Option<&str>,
    ) -> StoreResult<bool> {
        let session = self.change_once()?.sessions.get_mut(&id);
        let (Some(session), Some(to)) = (session, from.next()) else {
            return Ok(false);
        };
        if session.generation != from || session.ended.is_some() {
            return Ok(false);
        }
        session.generation = to;
        session.repeats = 0;
        session.rotated_at = now;
        session.last_used_at = now;
        session.ip = ip;
        session.user_agent = user_agent.map(str::to_owned);
        Ok(true)
    }

    fn count_repeat(&mut self, id: SessionId, current: Generation) -> StoreResult<Option<u32>> {
        let session = self.change()?.sessions.get_mut(&id);
        let meant = session.filter(|session| session.generation == current && session.ended.is_none());
        Ok(meant.map(|session| {
            session.repeats += 1;
            session.repeats
        }))
    }

    fn end_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> StoreResult<Vec<SessionId>> {
        let sessions = self.change()?.sessions.values_mut();
        let meant = sessions.filter(|session| session.user_id == user && Some(session.id) != except);
        Ok(meant
            .filter_map(|session| end(session, reason, now).then_some(session.id))
            .collect())
    }

    fn surplus(&mut self, user: UserId, now: Timestamp, keep: u32) -> StoreResult<Vec<SessionId>> {
        let kept = usize::try_from(keep).unwrap_or(usize::MAX);
        Ok(unended(self.look()?, user, now)
            .iter()
            .skip(kept)
            .map(|session| session.id)
            .collect())
    }

    fn list_unended(&mut self, user: UserId, now: Timestamp, limit: u32) -> StoreResult<Vec<Session>> {
        let mut sessions = unended(self.look_once()?, user, now);
        sessions.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(sessions)
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let sessions = &mut self.change()?.sessions;
        Ok(delete_expired(
            |keep| sessions.retain(|_, session| keep(session)),
            |session| session.expires_at < before,
            limit,
        ))
    }
}

/// The sessions of a user that have not ended and expire after `now`, the most recently used first.
fn unended(state: &State, user: UserId, now: Timestamp) -> Vec<Session> {
    let mut unended: Vec<Session> = state
        .sessions
        .values()
        .filter(|session| session.user_id == user && session.ended.is_none() && session.expires_at > now)
        .cloned()
        .collect();
    unended.sort_by_key(|session| Reverse((session.last_used_at, session.id)));
    unended
}

/// Ends a session; returns `false` if it had ended before.
pub(super) fn end(session: &mut Session, reason: EndReason, now: Timestamp) -> bool {
    let lives = session.ended.is_none();
    if lives {
        session.ended = Some(Ended { at: now, reason });
    }
    lives
}
