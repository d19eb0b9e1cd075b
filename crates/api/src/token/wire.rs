//! The body and parameters of the revocation feed.

use std::collections::BTreeMap;

use doorward_domain::token::RevocationDigests;
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
// Rendered in two parts: `RevocationsHead` and `RevocationsEntries`.
#[derive(ToSchema)]
#[schema(as = Revocations)]
#[expect(dead_code, reason = "describes the two parts as the object that they make up")]
pub(crate) struct RevocationsBody {
    /// The list is complete up to this instant.
    #[schema(format = DateTime)]
    as_of: String,
    /// The position after the last entry, for the next request.
    cursor: String,
    /// How long an entry is listed, in seconds. Tokens that older entries refer to have expired.
    max_age_in: u64,
    /// Revoked sessions: unpadded base64url of the first 16 bytes of the SHA-256 of the session's id (`sid`).
    sessions: Vec<String>,
    /// Users with revoked tokens: the digest of the user's id (`sub`), in the same form, with the lowest valid `ver`.
    users: BTreeMap<String, u32>,
}

/// What changes with every read of the log.
#[derive(Serialize)]
pub(crate) struct RevocationsHead {
    pub(crate) as_of: String,
    pub(crate) cursor: String,
    pub(crate) max_age_in: u64,
}

/// What changes with the list.
#[derive(Serialize)]
pub(crate) struct RevocationsEntries {
    sessions: Vec<String>,
    users: BTreeMap<String, u32>,
}

impl From<&RevocationDigests> for RevocationsEntries {
    fn from(digests: &RevocationDigests) -> Self {
        let subjects = digests.subjects.iter();
        Self {
            sessions: digests.sessions.iter().map(ToString::to_string).collect(),
            users: subjects
                .map(|(digest, version)| (digest.to_string(), version.get()))
                .collect(),
        }
    }
}
