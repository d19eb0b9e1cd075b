//! Accounts, their roles and passwords: tables `users` and `user_roles`.

mod user_page;
mod user_row;
mod users;

pub(crate) use user_row::UserRow;
