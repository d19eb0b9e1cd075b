//! What is kept of sessions.

use core::net::IpAddr;

use crate::account::User;
use crate::id::{SessionId, UserId};
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{EndReason, Generation, Session};

/// Sessions.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait SessionRepository {
    /// Keeps a new session. MUST fail when there is no such user.
    fn insert(&mut self, session: &Session) -> StoreResult<()>;

    /// The session of that id, live or not.
    fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>>;

    /// The session of that id, live or not, and the user whose it is, both as they are at one instant.
    fn find_with_user(&mut self, id: SessionId) -> StoreResult<Option<(Session, User)>>;

    /// Moves a session from generation `from` to the next, and notes time, address and client of this use.
    ///
    /// MUST be one conditional statement: of all calls with the same `from`, exactly one answers `true`, and none once
    /// the session has ended, nor from the last generation that can be counted. What this use does not tell (no address, no
    /// client) replaces what an earlier one told.
    fn rotate<'a>(
        &mut self,
        id: SessionId,
        from: Generation,
        now: Timestamp,
        ip: Option<IpAddr>,
        user_agent: Option<&'a str>,
    ) -> StoreResult<bool>;

    /// Ends a session. Answers `false`, and changes nothing, when there is none or it has ended before: when and why a
    /// session ended is never rewritten. MUST NOT touch the time of its last rotation.
    fn end(&mut self, id: SessionId, reason: EndReason, now: Timestamp) -> StoreResult<bool>;

    /// Ends every session of a user that has not ended, but for `except`. Answers which it ended, in any order.
    fn end_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;

    /// The sessions of a user that have not ended and expire after `now`, but for the `keep` most recently used: those that
    /// have to go when a user may have no more.
    fn surplus(&mut self, user: UserId, now: Timestamp, keep: u32) -> StoreResult<Vec<SessionId>>;

    /// The sessions of a user that have not ended and expire after `now`, the most recently used first, at most `limit`.
    fn list_unended(&mut self, user: UserId, now: Timestamp, limit: u32) -> StoreResult<Vec<Session>>;

    /// Deletes up to `limit` sessions that expired (by their absolute bound) before `before`, ended or not. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
