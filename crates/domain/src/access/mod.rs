//! What somebody may do: roles, permissions and the proof that a permission was checked.
//!
//! A permission is a type. A use case that needs one takes [`Granted<P>`], a value that only
//! [`Principal::authorize`] can make: it cannot be called without the check.

mod permission;
mod principal;
mod role;

pub use permission::{
    AssignRoles, Holders, ManageOwnAccount, ManageUsers, Permission, ReadAudit, ReadUser, ReadUsers,
};
pub use principal::{Forbidden, Granted, GrantedOn, Principal};
pub use role::{InvalidRole, Role, Roles};
