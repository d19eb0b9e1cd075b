//! The body and parameters of the revocations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Where to go on.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// `cursor` of an earlier answer: only what is newer is answered.
    pub(crate) cursor: Option<String>,
}

/// What was revoked within the life of an access token.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocations)]
pub(crate) struct RevocationsBody {
    /// Everything revoked before this instant is in the list.
    #[schema(format = DateTime)]
    pub(crate) as_of: String,
    /// Where to go on.
    pub(crate) cursor: String,
    /// How long an entry matters, in seconds: older ones concern no token that is still valid.
    pub(crate) max_age_in: u64,
    /// Revoked sessions: unpadded base64url of the first 16 bytes of the SHA-256 of the session's id (`sid`).
    pub(crate) sessions: Vec<String>,
    /// Revoked users, by the digest of the user's id (`sub`), with the lowest `ver` that is still true.
    pub(crate) users: BTreeMap<String, u32>,
}
