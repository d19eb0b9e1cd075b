//! The contract of `PepperRepository`.

use doorward_domain::password::PepperId;
use doorward_domain::store::Transactions;
use doorward_domain::store_error::StoreError;

use crate::contract::StoreUnderTest;

/// There is no pepper at first; the recorded one is read back unchanged, replaced, and removed.
pub fn a_recorded_pepper_is_read_back_until_it_is_replaced(store: &dyn StoreUnderTest) {
    assert_eq!(store.read(|r| r.peppers().pepper()), None);
    for id in [
        Some(PepperId::from_bytes([0; 8])),
        Some(PepperId::from_bytes([0xff; 8])),
        Some(PepperId::from_bytes([1, 2, 3, 4, 5, 6, 7, 8])),
        None,
        None,
    ] {
        store.write(|r| r.peppers().record_pepper(id));
        assert_eq!(store.read(|r| r.peppers().pepper()), id);
    }
}

/// A rollback leaves the recorded pepper as it was.
pub fn a_rolled_back_pepper_is_not_recorded(store: &dyn StoreUnderTest) {
    let kept = Some(PepperId::from_bytes([1; 8]));
    store.write(|r| r.peppers().record_pepper(kept));
    let outcome: Result<(), StoreError> = store.store().transaction(|r| {
        r.peppers().record_pepper(Some(PepperId::from_bytes([2; 8])))?;
        Err(StoreError::Unavailable("the start failed".to_owned()))
    });
    assert!(outcome.is_err());
    assert_eq!(store.read(|r| r.peppers().pepper()), kept);
}
