//! The port for stored sessions.

use core::net::IpAddr;
use core::time::Duration;

use crate::account::User;
use crate::id::{SessionId, UserId};
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{EndReason, Generation, Session};

/// How long after the start of a refresh its rotation may begin, and how long after that the rotation still takes effect. A
/// store that was suspended may continue after the client's timeout; a rotation that reaches no client would turn the client's
/// next try into a replay.
pub const MAX_ROTATION: Duration = Duration::from_secs(3);

/// Stored sessions, live or ended.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait SessionRepository {
    /// Stores a new session. MUST fail when the user does not exist.
    fn insert(&mut self, session: &Session) -> StoreResult<()>;

    /// The session with that id, live or not.
    fn find(&mut self, id: SessionId) -> StoreResult<Option<Session>>;

    /// The session with that id, live or not, and its user, both as of the same instant. A single statement.
    fn find_with_user(&mut self, id: SessionId) -> StoreResult<Option<(Session, User)>>;

    /// Moves a session from generation `from` to the next, and stores time, address and user agent of this use.
    ///
    /// A single statement, and MUST be conditional: of all calls with the same `from`, exactly one returns `true`, and none once
    /// the session has ended, nor from the last generation that can be counted. Values that this use lacks (no address, no
    /// user agent) replace earlier ones.
    ///
    /// Outside of a transaction, which could be rolled back, it MUST NOT take effect later than
    /// [`MAX_ROTATION`] after the call if the store was suspended before it ran the statement.
    fn rotate<'a>(
        &mut self,
        id: SessionId,
        from: Generation,
        now: Timestamp,
        ip: Option<IpAddr>,
        user_agent: Option<&'a str>,
    ) -> StoreResult<bool>;

    /// Counts a repeat of generation `current` from elsewhere, and returns how many have been counted of it, this one included.
    /// `None`, and no change, when the session is not in that generation (any more), has ended or does not exist.
    ///
    /// MUST be one conditional statement: of all calls for one generation each returns another number, counting from 1. The
    /// next generation counts from 1 again. MUST NOT touch anything else, such as the time of the last use.
    fn count_repeat(&mut self, id: SessionId, current: Generation) -> StoreResult<Option<u32>>;

    /// Ends every session of a user that has not ended, except `except`. Returns the sessions that it ended, in any order.
    fn end_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> StoreResult<Vec<SessionId>>;

    /// The sessions of a user that have not ended and expire after `now`, except the `keep` most recently used: those to
    /// end when a user exceeds the maximum.
    fn surplus(&mut self, user: UserId, now: Timestamp, keep: u32) -> StoreResult<Vec<SessionId>>;

    /// The sessions of a user that have not ended and expire after `now`, the most recently used first, at most `limit`. A
    /// single statement.
    fn list_unended(&mut self, user: UserId, now: Timestamp, limit: u32) -> StoreResult<Vec<Session>>;

    /// Deletes up to `limit` sessions that expired (by their absolute bound) before `before`, ended or not. Returns how many.
    ///
    /// Deletes the oldest first. The cost MUST NOT grow with the number of rows that stay, and concurrent calls, also of other
    /// instances, MUST NOT wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
