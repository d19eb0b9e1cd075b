//! Golden files: generated files under version control, which tests compare with their expected content.

use std::path::Path;
use std::{env, fs};

/// Compares the file at `path` (relative to the root of the repository) with its expected content.
///
/// With `UPDATE_GOLDEN` in the environment it is written instead.
///
/// # Panics
///
/// When the content differs.
pub fn assert_golden(path: &str, expected: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, expected).expect("a golden file can be written");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not up to date: run the tests with UPDATE_GOLDEN=1 and read the difference"
    );
}
