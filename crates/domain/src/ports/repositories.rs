//! What can be kept and found. Each method states its contract; the suite of `doorward-testkit` holds every store to it.

use core::net::IpAddr;

use crate::access::Role;
use crate::audit::{Event, EventKind};
use crate::id::{EventId, SessionId, UserId};
use crate::identity::{
    AttemptKey, AttemptRecord, CanonicalEmail, Credentials, PasswordDigest, PasswordVersion, User, UserStatus,
};
use crate::time::Timestamp;
use crate::token::{EndReason, Generation, KeyPurpose, Revocation, Revoked, SealedKey, Session};

use super::StoreResult;

/// What became of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insertion {
    /// It was kept.
    Done,
    /// It was not: another account has the same canonical address.
    EmailTaken,
}

/// Which users to list. Every condition given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// The account with this address.
    pub email: Option<CanonicalEmail>,
    /// Accounts with this role.
    pub role: Option<Role>,
    /// Accounts with this status.
    pub status: Option<UserStatus>,
}

/// Accounts.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait UserRepository {
    /// Keeps a new account with its first password.
    ///
    /// MUST answer [`Insertion::EmailTaken`] when the canonical address is taken, also when another transaction takes it
    /// at the same time, and MUST leave the transaction usable then.
    fn insert(&mut self, user: &User, digest: &PasswordDigest) -> StoreResult<Insertion>;

    /// The account of that id.
    fn find(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// The account of that id, kept from being changed by others until the transaction ends.
    ///
    /// MUST wait for transactions that hold it, and then answer what they left. Only in a writing transaction.
    fn lock(&mut self, id: UserId) -> StoreResult<Option<User>>;

    /// The id of the account with that address. It costs as little as finding that there is none.
    fn id_of(&mut self, email: &CanonicalEmail) -> StoreResult<Option<UserId>>;

    /// The account with that address, and its password's digest.
    fn find_credentials_by_email(&mut self, email: &CanonicalEmail) -> StoreResult<Option<Credentials>>;

    /// The account of that id, and its password's digest.
    fn find_credentials(&mut self, id: UserId) -> StoreResult<Option<Credentials>>;

    /// The version of the account's password. `None` when there is no such account.
    fn password_version(&mut self, id: UserId) -> StoreResult<Option<PasswordVersion>>;

    /// Writes name, roles, status, version and time of change of an account that was [locked](Self::lock). MUST leave
    /// address, password and time of creation alone. Answers whether there is such an account.
    fn update(&mut self, user: &User) -> StoreResult<bool>;

    /// Replaces the digest of a password, on condition that the password's version is still `expected`; `version` is the
    /// version from now on (the same for a re-hashing, the next for a change). Answers whether it was replaced.
    fn set_digest(
        &mut self,
        id: UserId,
        digest: &PasswordDigest,
        expected: PasswordVersion,
        version: PasswordVersion,
    ) -> StoreResult<bool>;

    /// Deletes an account with its roles and sessions. Answers whether there was one.
    fn delete(&mut self, id: UserId) -> StoreResult<bool>;

    /// Counts the active administrators.
    ///
    /// MUST serialise: of all transactions that call it, at most one is under way, so that two administrators cannot
    /// each see the other and both leave; and it sees what the one before has left. To be called *after* the user concerned
    /// was [locked](Self::lock), never before: one order keeps two transactions from waiting for each other. Only in a
    /// writing transaction.
    fn count_active_admins(&mut self) -> StoreResult<u64>;

    /// Up to `limit` accounts in order of id, after the account `after`.
    ///
    /// The cost MUST NOT grow with the number of accounts before the page.
    fn page(&mut self, filter: &UserFilter, after: Option<UserId>, limit: u32) -> StoreResult<Vec<User>>;
}

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
}

/// Guesses at accounts. A key names an account, or an account as seen from a network.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AttemptRepository {
    /// What is remembered under a key now. It may be another a moment later: what is decided for good needs the
    /// [lock](Self::lock).
    fn find(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// What is remembered under a key, kept from others until the transaction ends.
    ///
    /// MUST serialise on the key whether or not there is a record: two first guesses at once must not both find nothing.
    /// Only in a writing transaction.
    fn lock(&mut self, key: &AttemptKey) -> StoreResult<Option<AttemptRecord>>;

    /// Remembers, replacing what was remembered.
    fn put(&mut self, key: &AttemptKey, record: &AttemptRecord) -> StoreResult<()>;

    /// Forgets.
    fn forget(&mut self, key: &AttemptKey) -> StoreResult<()>;
}

/// The networks from which the owners of accounts have logged in. Networks and accounts are named by their keys alone.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait NetworkRepository {
    /// When the owner was last noted to have logged in from that network.
    fn last_login(&mut self, network: &AttemptKey) -> StoreResult<Option<Timestamp>>;

    /// Notes a login from that network, in place of an earlier one.
    fn note(&mut self, network: &AttemptKey, account: &AttemptKey, now: Timestamp) -> StoreResult<()>;

    /// The networks of an account, the latest login first.
    fn list(&mut self, account: &AttemptKey) -> StoreResult<Vec<AttemptKey>>;

    /// Forgets the networks of an account, but for the `keep` with the latest logins.
    ///
    /// To be called, as [`note`](Self::note), while the account is [locked](UserRepository::lock).
    fn keep(&mut self, account: &AttemptKey, keep: u32) -> StoreResult<()>;
}

/// Which entries of the audit log to list. Every condition given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// What happened to this user, whether or not there is such a user (any more).
    pub user_id: Option<UserId>,
    /// What is of this kind.
    pub kind: Option<EventKind>,
}

/// The audit log.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait EventLog {
    /// Adds an entry. It is kept exactly if the transaction commits, and outlives the user and session it tells of.
    fn append(&mut self, event: &Event) -> StoreResult<()>;

    /// Up to `limit` entries in descending order of id, the newest first, of those with a lesser id than `before`.
    ///
    /// The cost MUST NOT grow with the number of entries that are newer than the page or that the filter leaves out.
    fn page(&mut self, filter: &EventFilter, before: Option<EventId>, limit: u32) -> StoreResult<Vec<Event>>;
}

/// The log of what makes access tokens untrue before they expire.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait RevocationLog {
    /// Adds an entry for each, in their order. It is to be the last thing that a transaction writes but for its events:
    /// whoever is here keeps others from adding until its transaction ends.
    ///
    /// MUST number entries so that once one can be seen, no entry with a smaller number ever comes to be seen: a reader who
    /// goes on after the greatest number seen misses nothing.
    fn append(&mut self, revoked: &[Revoked], now: Timestamp) -> StoreResult<()>;

    /// Up to `limit` entries with a number greater than `number`, in the order of their numbers.
    fn after(&mut self, number: u64, limit: u32) -> StoreResult<Vec<Revocation>>;
}

/// Sealed keys.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait KeyRepository {
    /// The keys of that purpose, in the order of their ordinals.
    fn list(&mut self, purpose: KeyPurpose) -> StoreResult<Vec<SealedKey>>;

    /// Keeps a new key. MUST answer `false`, change nothing and leave the transaction usable when there is a key of the
    /// same purpose and ordinal, also when another transaction adds it at the same time.
    fn insert(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Replaces the sealed form of the key of that purpose, ordinal and id. MUST change nothing else of it. Answers whether
    /// there is such a key.
    fn reseal(&mut self, key: &SealedKey) -> StoreResult<bool>;

    /// Forgets the key of that purpose and ordinal. MUST leave all others alone. Answers whether there was one.
    fn delete(&mut self, purpose: KeyPurpose, ordinal: u32) -> StoreResult<bool>;
}

/// Deleting what cannot matter any more, in batches: each method deletes up to `limit` rows that are older than `before` and
/// answers how many it deleted.
///
/// The cost MUST NOT grow with the number of rows that stay. Instances that do it at once MUST NOT wait for each other for
/// long.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Sweeping {
    /// Deletes sessions that expired (by their absolute bound) before then, ended or not.
    fn expired_sessions(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;

    /// Forgets attempts at accounts whose latest was before then.
    fn old_attempts(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;

    /// Forgets networks from which the latest login was before then.
    fn old_networks(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;

    /// Deletes entries of the log of revocations from before then. MUST NOT give their numbers to later entries.
    fn old_revocations(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;

    /// Deletes entries of the audit log whose ids say that they are from before then, to the millisecond.
    fn old_events(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}

/// How far the first start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetupState {
    /// The SHA-256 digest of the setup token, once one was made.
    pub token_digest: Option<[u8; 32]>,
    /// When the first administrator was made.
    pub completed_at: Option<Timestamp>,
}

/// Whether there is a first administrator yet.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait SetupRepository {
    /// How far it has come.
    fn state(&mut self) -> StoreResult<SetupState>;

    /// Keeps the digest of a setup token if there is none yet and setup is not completed. Of all calls at once exactly one
    /// MUST answer `true`.
    fn offer_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Keeps the digest of a setup token in the place of any other. Answers `false` when setup is completed.
    fn replace_token(&mut self, digest: &[u8; 32]) -> StoreResult<bool>;

    /// Closes setup, whether or not a token was offered, and forgets the token. Of all calls, exactly one MUST answer
    /// `true`.
    fn complete(&mut self, now: Timestamp) -> StoreResult<bool>;
}
