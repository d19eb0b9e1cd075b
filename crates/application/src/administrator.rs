//! On whose behalf accounts are administered.

use doorward_domain::access::{Granted, Permission};
use doorward_domain::audit::Event;

/// Who administers accounts: an administrator who holds the permission `P`, or the operator at the command line, who has
/// access to the host and the keys and needs no permission.
#[derive(Debug)]
pub enum Administrator<'a, P: Permission> {
    /// The proof of an administrator's permission.
    Granted(&'a Granted<P>),
    /// The operator. Never to be used for a request from the network.
    Operator,
}

impl<P: Permission> Administrator<'_, P> {
    /// Adds who acted to an audit event.
    pub(crate) fn sign(&self, event: Event) -> Event {
        match self {
            Self::Granted(granted) => event.by(granted.principal().subject().clone()),
            Self::Operator => event.with("by", "operator"),
        }
    }
}

impl<'a, P: Permission> From<&'a Granted<P>> for Administrator<'a, P> {
    fn from(granted: &'a Granted<P>) -> Self {
        Self::Granted(granted)
    }
}
