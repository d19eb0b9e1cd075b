//! Accounts: the caller's own, and user administration.

pub(crate) mod handlers;
pub(crate) mod users;
pub(crate) mod wire;

use doorward_domain::account::User;

/// An account as JSON, as responses contain it, on one line.
pub fn user_json(user: User) -> String {
    serde_json::json!(wire::UserBody::from(user)).to_string()
}
