//! Reasons for rejecting a token.

use doorward_domain::token::TokenRejected;

pub(crate) const fn rejected(reason: &'static str) -> TokenRejected {
    TokenRejected { reason }
}
