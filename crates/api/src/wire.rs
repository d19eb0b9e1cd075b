//! Parsing and formatting that several features' bodies share.

use doorward_domain::id::UserId;
use doorward_domain::patch::Patch;
use doorward_domain::time::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::problem::{Code, Problem};

/// Entries on a page of a list by default.
const DEFAULT_PAGE: u32 = 50;
/// The largest page.
const MAX_PAGE: u32 = 100;

/// The page size for the query parameter `limit`.
pub(crate) fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::malformed("`limit` must be from 1 to 100"))
    }
}

/// Formats an instant for a response: RFC 3339, UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    // RFC 3339 ends with the year 9999.
    jiff::Timestamp::from_microsecond(at.as_micros())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Parses the user id in a path. An invalid id is "not found", which is for routes whose caller may see which users exist.
pub(crate) fn user_id(id: &str) -> Result<UserId, Problem> {
    UserId::parse(id).map_err(|_no_such_id| Problem::new(Code::NotFound))
}

/// Deserialises a member of an update. With `#[serde(default)]`, an absent member leaves the value unchanged.
pub(crate) fn patch<'de, T, D>(deserializer: D) -> Result<Patch<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Patch::To)
}
