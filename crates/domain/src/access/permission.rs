//! The permissions that Doorward checks, and the roles that hold them.

use crate::account::{Role, Roles};

/// The set of principals that hold a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Every principal, whatever its roles.
    Everybody,
    /// Principals with at least one of these roles.
    Roles(&'static [&'static str]),
    /// Principals with at least one of these roles; every user on resources of their own.
    RolesOrOwner(&'static [&'static str]),
}

impl Holders {
    /// Whether a principal with `roles` holds the permission on every resource.
    pub fn include(self, roles: &Roles) -> bool {
        match self {
            Self::Everybody => true,
            Self::Roles(names) | Self::RolesOrOwner(names) => names.iter().any(|name| roles.contains(name)),
        }
    }

    /// Whether every user holds the permission on resources of their own.
    pub const fn include_owner(self) -> bool {
        matches!(self, Self::Everybody | Self::RolesOrOwner(_))
    }
}

/// A permission: a marker type, so that holding it can be required by a function's signature.
///
/// Other services declare their own:
///
/// ```
/// use doorward_domain::access::{Holders, Permission};
///
/// struct ReadInvoices;
///
/// impl Permission for ReadInvoices {
///     const NAME: &'static str = "invoices:read";
///     const HOLDERS: Holders = Holders::Roles(&["billing", "admin"]);
/// }
/// ```
pub trait Permission: 'static {
    /// The name of the permission in documents and logs, as `resource:action`.
    const NAME: &'static str;
    /// The principals that hold the permission.
    const HOLDERS: Holders;
}

macro_rules! permission {
    ($(#[$doc:meta])* $type:ident, $name:literal, $holders:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type;

        impl Permission for $type {
            const NAME: &'static str = $name;
            const HOLDERS: Holders = $holders;
        }
    };
}

permission! {
    /// View and change one's own account and sessions. Services have no account: see [`GrantedUser`](super::GrantedUser).
    ManageOwnAccount, "account:manage", Holders::Everybody
}
permission! {
    /// View one user: any user for an administrator, only themselves for everyone else.
    ReadUser, "users:read-one", Holders::RolesOrOwner(&[Role::ADMIN])
}
permission! {
    /// List users and view their sessions.
    ReadUsers, "users:read", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// Create, change, unlock and delete users, and end their sessions.
    ManageUsers, "users:manage", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// Read the audit log.
    ReadAudit, "audit:read", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// Add and remove the roles of users.
    AssignRoles, "roles:assign", Holders::Roles(&[Role::ADMIN])
}
