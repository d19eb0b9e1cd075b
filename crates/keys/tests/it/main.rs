//! Keys and what is made with them, as other crates use them.
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
