//! Applications and services that are registered with Doorward.

mod id;

pub use id::{ClientId, InvalidClientId};
