//! Has the crate built again when a migration is added: the embedded files are watched by the compiler, their folder is not.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
    println!("cargo::rerun-if-changed=build.rs");
}
