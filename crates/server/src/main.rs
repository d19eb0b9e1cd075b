//! Doorward.

fn main() {}
