//! The pepper that passwords are hashed with is recorded, and checked at every start.

use doorward_application::{CheckPepper, CheckPepperError};
use doorward_domain::password::{PepperId, PepperIds, PepperMismatch};
use doorward_domain::store_error::StoreError;
use doorward_testkit::MemoryStore;

const ONE: Option<PepperId> = Some(PepperId::from_bytes([1; 8]));
const TWO: Option<PepperId> = Some(PepperId::from_bytes([2; 8]));

/// Starts with these peppers; `Err` if that is refused.
fn start(
    store: &MemoryStore,
    current: Option<PepperId>,
    previous: Option<PepperId>,
) -> Result<(), PepperMismatch> {
    match (CheckPepper { store }).execute(PepperIds { current, previous }) {
        Ok(()) => Ok(()),
        Err(CheckPepperError::Mismatch(mismatch)) => Err(mismatch),
        Err(CheckPepperError::Store(error)) => panic!("{error}"),
    }
}

#[test]
fn a_pepper_is_added_changed_and_removed_by_naming_the_previous_one() {
    let store = MemoryStore::new();
    assert_eq!(start(&store, None, None), Ok(()));
    assert_eq!(start(&store, ONE, None), Ok(()));
    assert_eq!(start(&store, None, None), Err(PepperMismatch::Missing));
    assert_eq!(start(&store, TWO, None), Err(PepperMismatch::Changed));
    // A refused start records nothing.
    assert_eq!(start(&store, ONE, None), Ok(()));
    assert_eq!(start(&store, TWO, ONE), Ok(()));
    assert_eq!(start(&store, TWO, None), Ok(()));
    assert_eq!(start(&store, ONE, None), Err(PepperMismatch::Changed));
    assert_eq!(start(&store, None, TWO), Ok(()));
    assert_eq!(start(&store, None, None), Ok(()));
    assert_eq!(start(&store, ONE, None), Ok(()));
}

#[test]
fn an_outage_is_no_mismatch() {
    let store = MemoryStore::new();
    store.fail_with(Some(StoreError::Unavailable("planted".to_owned())));
    let configured = PepperIds {
        current: ONE,
        previous: None,
    };
    let checked = CheckPepper { store: &store }.execute(configured);
    assert!(matches!(checked, Err(CheckPepperError::Store(_))));
}
