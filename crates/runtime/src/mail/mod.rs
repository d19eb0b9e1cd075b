//! Delivers the mails that transactions have queued.

mod handler;
mod metrics;
#[cfg(test)]
mod tests;

pub use handler::{MailDelivery, MailDeliverySettings};
