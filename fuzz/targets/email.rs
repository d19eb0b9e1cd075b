//! Addresses as people type them, and worse.
#![no_main]

use doorward_domain::account::Email;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    let Ok(email) = Email::parse(typed) else { return };
    assert!(typed.len() <= 254);
    assert_eq!(email.as_typed(), typed);
    let canonical = email.canonical().as_str();
    assert!(!canonical.chars().any(char::is_control));
    // Attempts are counted under the canonical form: it has to be its own.
    let again = Email::parse(canonical);
    assert_eq!(
        again.map(|email| email.canonical().as_str().to_owned()),
        Ok(canonical.to_owned())
    );
});
