//! Tests of the public API: signing and verifying access tokens.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failed test"
)]

mod access_tokens;
mod common;
mod forgeries;
mod hostile_claims;
mod token_types;
mod verified_tokens;
