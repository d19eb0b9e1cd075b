//! Reasons for rejecting a token.

use doorward_domain::ports::TokenRejected;

pub(crate) const fn rejected(reason: &'static str) -> TokenRejected {
    TokenRejected { reason }
}
