//! How far a reader has read the log of revocations.
//!
//! Entries carry the number of the transaction that wrote them. Transactions may commit in another order than that of their
//! numbers, so a position is the latest transaction of which the reader has an entry, and the earlier ones that were still
//! running. It also identifies one entry of the latest transaction: in a log that does not contain that entry, because the
//! database was restored or replaced by a standby that lacked it, the position has no meaning, and the reader starts anew.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Revocation;

/// The first character of a position's text.
const PREFIX: char = 'r';

/// The most running transactions that a published position names. With more, the list publishes an earlier position, after
/// which some entries are repeated.
pub(super) const MAX_PENDING: usize = 16;

/// A page of the log of revocations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// Entries in ascending order of their transactions. A full page may end within a transaction.
    pub entries: Vec<Revocation>,
    /// Transactions that may still commit entries, at the moment at which the page was read.
    pub pending: Vec<u64>,
    /// One more than the greatest number of a transaction that had ended at that moment; running ones may have greater
    /// numbers. A page contains only entries of transactions that had ended, so an entry whose number is not below this one
    /// comes from the database that this one was copied from.
    pub horizon: u64,
}

/// How far a reader has read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPosition {
    /// The greatest number of a transaction of which an entry was read; 0 at the start.
    latest: u64,
    /// The [mark](Revocation::mark) of an entry of that transaction.
    mark: u64,
    /// Transactions below `latest` that had not ended, in ascending order.
    pending: Vec<u64>,
}

impl LogPosition {
    /// The position before the first entry.
    pub const fn start() -> Self {
        Self {
            latest: 0,
            mark: 0,
            pending: Vec::new(),
        }
    }

    /// A position after a transaction without earlier ones that were running. `mark` is that of one of its entries.
    pub(super) const fn after_transaction(latest: u64, mark: u64) -> Self {
        Self {
            latest,
            mark,
            pending: Vec::new(),
        }
    }

    /// Whether nothing was read.
    pub const fn is_start(&self) -> bool {
        self.latest == 0
    }

    /// The greatest number of a transaction of which an entry was read; 0 at the start.
    pub const fn latest(&self) -> u64 {
        self.latest
    }

    /// The mark of an entry of that transaction.
    pub(super) const fn mark(&self) -> u64 {
        self.mark
    }

    /// Transactions below [`latest`](Self::latest) that had not ended, in ascending order.
    pub fn pending(&self) -> &[u64] {
        &self.pending
    }

    /// Whether `page`, which was read from this position, comes from the log that the position refers to.
    pub fn is_continued_by(&self, page: &LogPage) -> bool {
        let is_last = |entry: &Revocation| entry.transaction == self.latest && entry.mark() == self.mark;
        self.is_start() || (self.latest < page.horizon && page.entries.iter().any(is_last))
    }

    /// The position after `page`, which was read from this one.
    #[must_use]
    pub fn after(&self, page: &LogPage) -> Self {
        let own = page
            .entries
            .iter()
            .filter(|entry| entry.transaction < page.horizon);
        let last = own
            .filter(|entry| entry.transaction > self.latest)
            .max_by_key(|entry| entry.transaction);
        let (latest, mark) = last.map_or((self.latest, self.mark), |entry| {
            (entry.transaction, entry.mark())
        });
        let pending = page.pending.iter().copied().filter(|number| *number < latest);
        let mut pending: Vec<u64> = pending.collect();
        pending.sort_unstable();
        pending.dedup();
        Self {
            latest,
            mark,
            pending,
        }
    }

    /// Parses the text of a position. Positions of releases before 0.2 were plain numbers: they are read as the start, and so
    /// is a text that no list has published: it could name the entries of one transaction any number of times.
    pub fn parse(text: &str) -> Option<Self> {
        if text.parse::<u64>().is_ok() {
            return Some(Self::start());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes));
        let (latest, mark) = (numbers.next()?, numbers.next()?);
        if !rest.is_empty() {
            return None;
        }
        let pending: Vec<u64> = numbers.collect();
        let is_publishable = pending.len() <= MAX_PENDING
            && pending.is_sorted_by(|one, next| one < next)
            && pending.last().is_none_or(|last| *last < latest);
        if !is_publishable {
            return Some(Self::start());
        }
        Some(Self {
            latest,
            mark,
            pending,
        })
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_start() {
            return f.write_str("0");
        }
        let numbers = [self.latest, self.mark]
            .into_iter()
            .chain(self.pending.iter().copied());
        let bytes: Vec<u8> = numbers.flat_map(u64::to_be_bytes).collect();
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}
