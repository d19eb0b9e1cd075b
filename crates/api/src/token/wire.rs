//! The body and parameters of the revocation feed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The position in the feed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// The `cursor` of an earlier response: only newer entries are returned.
    pub(crate) cursor: Option<String>,
}

/// The revocations within the lifetime of an access token.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocations)]
pub(crate) struct RevocationsBody {
    /// The list is complete up to this instant.
    #[schema(format = DateTime)]
    pub(crate) as_of: String,
    /// The position after the last entry, for the next request.
    pub(crate) cursor: String,
    /// How long an entry is listed, in seconds. Tokens that older entries refer to have expired.
    pub(crate) max_age_in: u64,
    /// Revoked sessions: unpadded base64url of the first 16 bytes of the SHA-256 of the session's id (`sid`).
    pub(crate) sessions: Vec<String>,
    /// Users with revoked tokens: the digest of the user's id (`sub`), in the same form, with the lowest valid `ver`.
    pub(crate) users: BTreeMap<String, u32>,
}
