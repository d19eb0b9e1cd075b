//! The body of the setup request.

use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

/// The setup token and the administrator's account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the contract defines the names of the members"
)]
pub(crate) struct Setup {
    /// The setup token that the server printed at its first start, or that is configured.
    #[schema(value_type = String, format = Password, example = "dws_5f0c…")]
    pub(crate) setup_token: SecretString,
    /// The e-mail address to log in with.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// The password to log in with.
    #[schema(value_type = String, format = Password, example = "nine wild gooseberries")]
    pub(crate) password: SecretString,
    /// The display name, at most 200 characters.
    pub(crate) name: Option<String>,
}
