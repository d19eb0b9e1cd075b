//! The contract of `SetupRepository`.

use core::time::Duration;

use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;
use doorward_domain::time::Timestamp;

use crate::contract::StoreUnderTest;
use crate::sample::START;

fn state(store: &dyn StoreUnderTest) -> SetupState {
    store.read(|r| r.setup().state())
}

fn open(digest: [u8; 32]) -> SetupState {
    SetupState {
        token_digest: Some(digest),
        ..SetupState::default()
    }
}

/// The first issued token is stored, later ones are refused.
pub fn the_first_setup_token_offered_is_kept(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    assert!(!store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(
        !store.write(|r| r.setup().offer_token(&[1; 32])),
        "the same token again is refused like any other"
    );
    assert_eq!(state(store), open([1; 32]));
}

/// A replacement replaces any previous token or none, and later first-time tokens are refused.
pub fn a_setup_token_can_be_replaced(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().replace_token(&[1; 32], false)));
    assert_eq!(state(store), open([1; 32]));
    assert!(store.write(|r| r.setup().replace_token(&[2; 32], false)));
    assert!(!store.write(|r| r.setup().offer_token(&[3; 32])));
    assert_eq!(state(store), open([2; 32]));
}

/// A configured token is withdrawn, and one that was made is not; afterwards another one can be offered.
pub fn only_a_configured_setup_token_is_withdrawn(store: &dyn StoreUnderTest) {
    assert!(!store.write(|r| r.setup().withdraw_configured_token()));
    assert!(store.write(|r| r.setup().replace_token(&[1; 32], true)));
    let configured = SetupState {
        token_is_configured: true,
        ..open([1; 32])
    };
    assert_eq!(state(store), configured);
    assert!(!store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(store.write(|r| r.setup().withdraw_configured_token()));
    assert!(!store.write(|r| r.setup().withdraw_configured_token()));
    assert_eq!(state(store), SetupState::default());
    assert!(store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(!store.write(|r| r.setup().withdraw_configured_token()));
    assert_eq!(state(store), open([2; 32]));
    // One that replaces it is no longer the configured one.
    assert!(store.write(|r| r.setup().replace_token(&[1; 32], true)));
    assert!(store.write(|r| r.setup().replace_token(&[3; 32], false)));
    assert!(!store.write(|r| r.setup().withdraw_configured_token()));
    assert!(store.write(|r| r.setup().replace_token(&[1; 32], true)));
    assert!(store.write(|r| r.setup().complete(START)));
    assert!(!store.write(|r| r.setup().withdraw_configured_token()));
}

/// Setup is completed once, which deletes the token, and cannot be reopened.
pub fn setup_is_completed_once(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    assert!(store.write(|r| r.setup().complete(START)));
    let completed = SetupState {
        completed_at: Some(START),
        ..SetupState::default()
    };
    assert_eq!(state(store), completed);
    assert!(!store.write(|r| r.setup().complete(START + Duration::from_secs(1))));
    assert!(!store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(!store.write(|r| r.setup().replace_token(&[3; 32], false)));
    assert_eq!(state(store), completed);
}

/// Setup can be completed without a token, as on the command line.
pub fn setup_can_be_completed_without_a_token(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().complete(START)));
    assert!(!store.write(|r| r.setup().complete(START)));
    assert!(!store.write(|r| r.setup().offer_token(&[1; 32])));
    assert_eq!(
        state(store),
        SetupState {
            completed_at: Some(START),
            ..SetupState::default()
        }
    );
}

/// A rolled-back completion has no effect: the token is unchanged, and setup can be completed again.
pub fn a_rolled_back_completion_can_be_repeated(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        assert!(r.setup().complete(START)?);
        Err(StoreError::Unavailable(
            "the first administrator could not be kept".to_owned(),
        ))
    });
    assert!(outcome.is_err());
    assert_eq!(state(store), open([1; 32]));
    assert!(store.write(|r| r.setup().complete(START)));
}

/// Digest and time of setup are read back unchanged.
pub fn setup_is_read_back_unchanged(store: &dyn StoreUnderTest) {
    for digest in [[0x00; 32], [0xff; 32], [0x27; 32]] {
        assert!(store.write(|r| r.setup().replace_token(&digest, false)));
        assert_eq!(store.read(|r| r.setup().state()).token_digest, Some(digest));
    }
    assert!(store.write(|r| r.setup().complete(Timestamp::from_micros(-1))));
    assert_eq!(
        store.read(|r| r.setup().state()).completed_at,
        Some(Timestamp::from_micros(-1))
    );
}
