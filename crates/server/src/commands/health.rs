//! `doorward health`: checks whether the running server is ready.
//!
//! It needs no shell and no other program, so that a container can check its health with the only binary in its image.

use super::http_client::{management_address, send};
use crate::config::Settings;
use crate::exit::ExitError;

/// Queries the management listener; fails unless the server is ready.
pub fn check(settings: &Settings) -> Result<(), ExitError> {
    let address = management_address(settings);
    let response = send(address, "GET", &address.to_string(), "/health/ready", &[])
        .map_err(|error| ExitError::other(format!("not ready: no response from {address}: {error}")))?;
    if response.status == 200 {
        return Ok(());
    }
    Err(ExitError::other(format!(
        "not ready: {address} responds with status {}",
        response.status
    )))
}
