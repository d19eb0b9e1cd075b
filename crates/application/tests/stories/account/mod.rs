//! Stories of accounts: creation, listing, changes and deletion.

mod administrators;
mod deletion;
mod listing;
mod new_addresses;
