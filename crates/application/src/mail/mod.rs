//! Mail: notices to the owners of accounts, and the delivery of what is queued.

pub(crate) mod deliver;
pub(crate) mod list_mails;
pub(crate) mod notice;
