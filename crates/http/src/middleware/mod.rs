//! What every request passes through.

mod envelope;
mod limits;

pub(crate) use envelope::{Answered, envelope};
pub(crate) use limits::{MAX_BODY, limits};
