//! The outbox: mails that are queued in the transaction of their cause.

use crate::id::{MailId, UserId};
use crate::job::DedupeKey;
use crate::store_error::StoreResult;
use crate::time::Timestamp;

use super::{Delivery, Mail, MailFailure, MailKind, Recipient};

/// A mail to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// The mail.
    pub mail: Mail,
    /// The account that it is about. The mail is deleted with it.
    pub user_id: UserId,
    /// Names what the mail is about: of several mails with one key only the first is queued.
    pub dedupe_key: DedupeKey,
    /// From when on it is not sent any more.
    pub expires_at: Timestamp,
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// The mail.
    pub mail: Mail,
    /// The account that it is about.
    pub user_id: UserId,
    /// Where it is on its way.
    pub delivery: Delivery,
    /// Why the latest attempt that failed did so, if one has: reason and detail in one line.
    pub last_failure: Option<String>,
}

/// A line of the list of mails for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLine {
    /// The id of the mail.
    pub id: MailId,
    /// The word for its kind. Not a [`MailKind`]: a newer version may have queued it.
    pub kind: String,
    /// Where it is delivered.
    pub recipient: Recipient,
    /// When it was queued.
    pub created_at: Timestamp,
    /// Where it is on its way.
    pub delivery: Delivery,
    /// Why the latest attempt that failed did so, if one has: reason and detail in one line.
    pub last_failure: Option<String>,
}

/// How many mails wait or were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxStatus {
    /// Those that are to be sent.
    pub queued: u64,
    /// Those that were given up.
    pub dead: u64,
    /// When the oldest of those that are to be sent was queued.
    pub oldest: Option<Timestamp>,
}

/// Queued mails: *what* is sent. *When* is the matter of the job with the same id.
#[expect(
    clippy::needless_lifetimes,
    reason = "mockall wants lifetimes inside types to be named"
)]
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Outbox {
    /// Queues a mail. MUST return `false`, write nothing and leave the transaction usable when there is a mail with the same
    /// dedupe key, sent or not, also when another transaction queues it at the same time.
    fn enqueue(&mut self, mail: &NewMail) -> StoreResult<bool>;

    /// The mail with that id. MUST be an error, and not `None`, for a mail of a kind that only a newer version knows.
    fn find(&mut self, id: MailId) -> StoreResult<Option<OutboxEntry>>;

    /// Stores what became of a mail, on condition that state and attempt are still those of `from`. `failure` replaces the last
    /// one if it is given. Returns whether it was stored.
    fn settle<'f>(
        &mut self,
        id: MailId,
        from: &Delivery,
        to: &Delivery,
        failure: Option<&'f MailFailure>,
    ) -> StoreResult<bool>;

    /// How many mails of those kinds about the account were queued after `after`.
    ///
    /// The cost MUST NOT grow with the number of mails about other accounts.
    fn count_since(&mut self, user: UserId, kinds: &[MailKind], after: Timestamp) -> StoreResult<u64>;

    /// How many mails wait or were given up. The cost MUST NOT grow with the number of those that were sent.
    fn status(&mut self) -> StoreResult<OutboxStatus>;

    /// Up to `limit` mails, the latest first, of all kinds.
    fn latest(&mut self, limit: u32) -> StoreResult<Vec<OutboxLine>>;

    /// Deletes up to `limit` mails that expired before `before`, in whatever state. Returns how many.
    ///
    /// The oldest go first. The cost MUST NOT grow with the number of rows that stay, and instances that do it at once MUST NOT
    /// wait for each other for long.
    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64>;
}
