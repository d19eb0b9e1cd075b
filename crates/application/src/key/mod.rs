//! Keys: listing them.

pub(crate) mod list_keys;
