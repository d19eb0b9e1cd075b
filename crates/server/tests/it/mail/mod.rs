//! Mail, in files and through a real mail server.

mod catcher;
mod crashes;
mod delivery;
mod files;
mod transport;
