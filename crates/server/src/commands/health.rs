//! `doorward health`: asks the running server whether it is ready.
//!
//! It needs no shell and no other program, so a container can check its health with the image's only binary.

use super::exchange::{exchange, management};
use crate::config::Settings;
use crate::exit::ExitError;

/// Asks the management listener; fails unless it answers that it is ready.
pub fn ask(settings: &Settings) -> Result<(), ExitError> {
    let address = management(settings);
    let answer = exchange(address, "GET", &address.to_string(), "/health/ready", &[])
        .map_err(|error| ExitError::other(format!("not ready: no answer from {address}: {error}")))?;
    if answer.status == 200 {
        return Ok(());
    }
    Err(ExitError::other(format!(
        "not ready: {address} answers with status {}",
        answer.status
    )))
}
