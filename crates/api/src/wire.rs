//! What request and response bodies of several features have in common.

use doorward_domain::id::UserId;
use doorward_domain::patch::Patch;
use doorward_domain::time::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::problem::{Code, Problem};

/// How many entries a page of a list has if nothing else is asked for.
const DEFAULT_PAGE: u32 = 50;
/// The most entries a page has.
const MAX_PAGE: u32 = 100;

/// How many entries a page is to have, of what was asked for.
pub(crate) fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::malformed("`limit` must be from 1 to 100"))
    }
}

/// An instant as responses have it: RFC 3339, UTC.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    // Beyond the year 9999, where RFC 3339 ends, nothing happens.
    jiff::Timestamp::from_microsecond(at.as_micros())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// The user in the path, for whoever may know that there is none.
pub(crate) fn user_id(id: &str) -> Result<UserId, Problem> {
    UserId::parse(id).map_err(|_no_such_id| Problem::new(Code::NotFound))
}

/// Reads a member of an update: left out (with `#[serde(default)]`) it stays as it is.
pub(crate) fn patch<'de, T, D>(deserializer: D) -> Result<Patch<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Patch::To)
}
