//! `docs.*`

use schemars::JsonSchema;
use serde::Deserialize;

/// `docs.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDocs {
    /// Whether the API documentation is served: `/docs` and `/openapi.json`. Otherwise both are 404.
    pub enabled: bool,
}

impl Default for RawDocs {
    fn default() -> Self {
        Self { enabled: true }
    }
}
