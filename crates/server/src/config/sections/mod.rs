//! The sections of the configuration, one file each: the keys as they are written, with types, defaults and meaning
//! (`Raw…`), their check, and the settings that the check returns.
//!
//! A `Raw…` struct is the one place where a key is declared. The table of known keys, the parsing of environment
//! variables, the bounds of numbers and durations and the reference in `docs/configuration.md` are derived from it. In its
//! schema attributes `range` bounds a number, `x-min` and `x-max` bound a duration, and `x-default` describes a default
//! that depends on something else.

mod attempts;
mod audit;
mod database;
mod docs;
mod keys;
mod lane;
mod log;
mod mail;
mod password;
mod registration;
mod server;
mod setup;
mod throttle;
mod tokens;

pub use attempts::RawAttempts;
pub use audit::{AuditSettings, RawAudit};
pub use database::RawDatabase;
pub use docs::RawDocs;
pub use keys::{KeySettings, PATTERN_KEY, RawKeys};
pub use lane::RawLane;
pub use log::RawLog;
pub use mail::{MailSettings, RawMail, Surroundings};
pub use password::{PasswordSettings, RawPassword};
pub use registration::RawRegistration;
pub use server::{RawServer, ServerSettings};
pub use setup::RawSetup;
pub use throttle::RawThrottle;
pub use tokens::{RawTokens, TokenSettings};

use url::Host;

/// Whether the host of a URL or server is this machine.
fn is_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost" || name.as_ref().ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// A count as collections have it.
fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
