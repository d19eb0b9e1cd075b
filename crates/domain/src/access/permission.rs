//! What there is to be allowed, and which roles allow it.

use crate::account::{Role, Roles};

/// Who holds a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// Everybody with a valid access token, whatever their roles.
    Everybody,
    /// Whoever has at least one of these roles.
    Roles(&'static [&'static str]),
    /// Whoever has at least one of these roles, and everybody for what is their own.
    RolesOrOwner(&'static [&'static str]),
}

impl Holders {
    /// Whether somebody with `roles` holds the permission on everything.
    pub fn include(self, roles: &Roles) -> bool {
        match self {
            Self::Everybody => true,
            Self::Roles(names) | Self::RolesOrOwner(names) => names.iter().any(|name| roles.contains(name)),
        }
    }

    /// Whether everybody holds the permission on what is their own.
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
    /// The name by which documents and logs know the permission, as `things:action`.
    const NAME: &'static str;
    /// Who holds it.
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
    /// To see and change one's own account and sessions. Services have no account: see [`GrantedUser`](super::GrantedUser).
    ManageOwnAccount, "account:manage", Holders::Everybody
}
permission! {
    /// To see one user: any of them for an administrator, oneself for everybody.
    ReadUser, "users:read-one", Holders::RolesOrOwner(&[Role::ADMIN])
}
permission! {
    /// To list users and see their sessions.
    ReadUsers, "users:read", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// To create, change, unlock and delete users, and to end their sessions.
    ManageUsers, "users:manage", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// To read the audit log.
    ReadAudit, "audit:read", Holders::Roles(&[Role::ADMIN])
}
permission! {
    /// To give users roles and take them away.
    AssignRoles, "roles:assign", Holders::Roles(&[Role::ADMIN])
}
