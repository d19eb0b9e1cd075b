//! First-time setup: the setup token and the first administrator.

pub(crate) mod complete_setup;
pub(crate) mod issue_setup_token;
