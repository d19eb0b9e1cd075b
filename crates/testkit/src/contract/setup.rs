//! Setup: what `SetupRepository` promises.

use core::time::Duration;

use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use super::StoreUnderTest;
use crate::sample::START;

fn state(store: &dyn StoreUnderTest) -> SetupState {
    store.read(|r| r.setup().state())
}

fn open(digest: [u8; 32]) -> SetupState {
    SetupState {
        token_digest: Some(digest),
        completed_at: None,
    }
}

/// The first token offered is kept, later ones are not.
pub fn the_first_token_offered_is_kept(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    assert!(!store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(
        !store.write(|r| r.setup().offer_token(&[1; 32])),
        "the same token again is refused like any other"
    );
    assert_eq!(state(store), open([1; 32]));
}

/// A token replaces whatever there was, also nothing, and then stands against offers.
pub fn a_token_can_be_replaced(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().replace_token(&[1; 32])));
    assert_eq!(state(store), open([1; 32]));
    assert!(store.write(|r| r.setup().replace_token(&[2; 32])));
    assert!(!store.write(|r| r.setup().offer_token(&[3; 32])));
    assert_eq!(state(store), open([2; 32]));
}

/// Setup is completed once, which forgets the token, and nothing opens it again.
pub fn setup_is_completed_once_and_for_all(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().offer_token(&[1; 32])));
    assert!(store.write(|r| r.setup().complete(START)));
    let completed = SetupState {
        token_digest: None,
        completed_at: Some(START),
    };
    assert_eq!(state(store), completed);
    assert!(!store.write(|r| r.setup().complete(START + Duration::from_secs(1))));
    assert!(!store.write(|r| r.setup().offer_token(&[2; 32])));
    assert!(!store.write(|r| r.setup().replace_token(&[3; 32])));
    assert_eq!(state(store), completed);
}

/// Setup can be completed though no token was ever offered, as from the command line.
pub fn setup_can_be_completed_without_a_token(store: &dyn StoreUnderTest) {
    assert!(store.write(|r| r.setup().complete(START)));
    assert!(!store.write(|r| r.setup().complete(START)));
    assert!(!store.write(|r| r.setup().offer_token(&[1; 32])));
    assert_eq!(
        state(store),
        SetupState {
            token_digest: None,
            completed_at: Some(START)
        }
    );
}

/// A completion that is rolled back did not happen: token and all are as before, and it can be done again.
pub fn a_completion_rolled_back_can_be_repeated(store: &dyn StoreUnderTest) {
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
