//! Mail: what is sent to whom, when it is tried again, and the ports that queue and send it.
//!
//! A mail is queued in the transaction of its cause, and sent **at least once** by a job: SMTP cannot do it exactly once. A
//! mail that is sent twice has the same `Message-ID`.

mod content;
mod delivery;
mod locale;
mod mailer;
mod outbox;
mod recipient;

pub use content::{MailContent, MailKind, Occurrence};
pub use delivery::{Delivery, DeliveryEvent, DeliveryState, JOB_KIND, RETRY_POLICY, decide};
pub use locale::{InvalidLocale, Locale};
#[cfg(any(test, feature = "mocks"))]
pub use mailer::MockMailer;
pub use mailer::{Mail, MailFailure, MailFailureReason, Mailer, SendOutcome};
#[cfg(any(test, feature = "mocks"))]
pub use outbox::MockOutbox;
pub use outbox::{NewMail, Outbox, OutboxEntry, OutboxLine, OutboxStatus};
pub use recipient::Recipient;
