//! Rebuilds the crate when a migration is added: the compiler tracks the embedded files, but not their folder.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
    println!("cargo::rerun-if-changed=build.rs");
}
