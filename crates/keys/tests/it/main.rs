//! Tests of the public API: the key ring, and tokens made with its keys.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is a failed test"
)]

mod access_tokens;
mod common;
mod key_ring;
mod refresh_tokens;
mod resealing;
mod rotation;
