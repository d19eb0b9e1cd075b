//! Accounts: creating, viewing, changing and deleting them.

pub(crate) mod create_user;
pub(crate) mod creation;
pub(crate) mod delete_account;
pub(crate) mod delete_user;
pub(crate) mod find_user;
pub(crate) mod list_users;
pub(crate) mod new_account;
pub(crate) mod register;
pub(crate) mod set_roles;
pub(crate) mod shared;
pub(crate) mod update_account;
pub(crate) mod update_user;
pub(crate) mod view_user;
