//! What a caller may do: permissions and the proof that one was checked.
//!
//! A permission is a type. A use case that requires one takes [`Granted<P>`], a value that only
//! [`Principal::authorize`] constructs: the use case cannot be called without the check.

mod permission;
mod principal;

pub use permission::{
    AssignRoles, Holders, ManageOwnAccount, ManageUsers, Permission, ReadAudit, ReadUser, ReadUsers,
};
pub use principal::{Forbidden, Granted, GrantedOn, GrantedUser, Principal};
