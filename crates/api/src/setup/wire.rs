//! The body of a setup.

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

/// What setup takes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the members' names are the contract's")]
pub(crate) struct Setup {
    /// The token that the server printed at its first start.
    #[schema(value_type = String, format = Password, example = "dws_5f0c…")]
    pub(crate) setup_token: SecretString,
    /// The address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The name to go by, at most 200 characters.
    pub(crate) name: Option<String>,
}
