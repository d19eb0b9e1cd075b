use core::fmt;

use crate::clock::ClockReading;
use crate::id::MailId;
use crate::time::Timestamp;
use crate::words::word_enum;

use super::{Locale, MailContent, Recipient};

/// A mail, as it is handed to the [`Mailer`]. The same mail may be handed over more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names the mail; stable over all attempts to send it.
    pub id: MailId,
    /// Where it is delivered.
    pub recipient: Recipient,
    /// In which language it is written, if there are templates in that language.
    pub locale: Locale,
    /// What it says.
    pub content: MailContent,
    /// When it was written. The date of the mail, whenever it is sent.
    pub created_at: Timestamp,
}

word_enum! {
    /// Why a mail was not sent.
    MailFailureReason;
    /// The server does not accept the recipient, or cannot deliver to such an address.
    Recipient = "recipient",
    /// The server did not accept the credentials, or requires some.
    Authentication = "authentication",
    /// The connection could not be encrypted, or the server's certificate is not trusted.
    Tls = "tls",
    /// No connection, or it broke or timed out.
    Connection = "connection",
    /// The server refused for another reason, or did not follow the protocol.
    Server = "server",
    /// The text of the mail could not be made.
    Content = "content",
    /// The mail could not be written to its file.
    File = "file",
    /// It was not sent in time.
    Expired = "expired",
}

/// Why a mail was not sent, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFailure {
    /// The reason, of a closed list.
    pub reason: MailFailureReason,
    /// One line. Quotes what a server has said, but no content of the mail.
    pub detail: String,
}

impl fmt::Display for MailFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

/// What became of an attempt to send a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The next server is responsible for the mail now, or the file is written.
    Delivered,
    /// Not sent, or not known to be sent; a later attempt may succeed.
    Retry(MailFailure),
    /// Never accepted for this recipient.
    Refused(MailFailure),
}

/// Sends mails.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Mailer: Send + Sync {
    /// Sends a mail, and blocks meanwhile, for a bounded time.
    ///
    /// MUST use the same `Message-ID` in every attempt: a mail of which the acceptance was not read is sent again. MUST NOT
    /// return [`SendOutcome::Refused`] for what an operator can mend: wrong credentials, certificates or settings. MUST NOT
    /// delete earlier mails because of their age unless the clock [tells it](ClockReading::tells_age).
    fn send(&self, mail: &Mail, clock: ClockReading) -> SendOutcome;
}
