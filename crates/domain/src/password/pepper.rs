//! Which pepper passwords are hashed with.
//!
//! A digest that was made with a pepper never verifies without it. A pepper that is missing or another one must therefore not
//! be taken for wrong passwords: its id is recorded in the store, and compared at every start.

use crate::store_error::StoreResult;

/// Identifies a pepper without revealing it: a slow hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PepperId([u8; 8]);

impl PepperId {
    /// The id with these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// The ids of the configured peppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PepperIds {
    /// The pepper of new digests, if there is one.
    pub current: Option<PepperId>,
    /// The pepper that existing digests may still have.
    pub previous: Option<PepperId>,
}

/// The configured peppers do not include the recorded one, so passwords would not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PepperMismatch {
    /// No pepper is configured.
    #[error("passwords in the database were hashed with a pepper, and none is configured")]
    Missing,
    /// Other peppers are configured.
    #[error("passwords in the database were hashed with another pepper")]
    Changed,
}

impl PepperIds {
    /// Compares the peppers with the `recorded` one. Returns whether the current one has to be recorded.
    pub fn judge(&self, recorded: Option<PepperId>) -> Result<bool, PepperMismatch> {
        let Some(recorded) = recorded else {
            return Ok(self.current.is_some());
        };
        if self.current == Some(recorded) {
            Ok(false)
        } else if self.previous == Some(recorded) {
            Ok(true)
        } else if self.current.is_none() {
            Err(PepperMismatch::Missing)
        } else {
            Err(PepperMismatch::Changed)
        }
    }
}

/// The stored record of the pepper.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PepperRepository {
    /// The recorded pepper; `None` if there is none.
    fn pepper(&mut self) -> StoreResult<Option<PepperId>>;

    /// Records the pepper, or that there is none. MUST replace any other.
    fn record_pepper(&mut self, id: Option<PepperId>) -> StoreResult<()>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: PepperId = PepperId::from_bytes([1; 8]);
    const TWO: PepperId = PepperId::from_bytes([2; 8]);

    fn ids(current: Option<PepperId>, previous: Option<PepperId>) -> PepperIds {
        PepperIds { current, previous }
    }

    #[test]
    fn a_pepper_may_be_added_kept_replaced_and_removed() {
        assert_eq!(ids(None, None).judge(None), Ok(false));
        assert_eq!(ids(Some(ONE), None).judge(None), Ok(true));
        assert_eq!(ids(Some(ONE), None).judge(Some(ONE)), Ok(false));
        assert_eq!(ids(Some(TWO), Some(ONE)).judge(Some(ONE)), Ok(true));
        assert_eq!(ids(None, Some(ONE)).judge(Some(ONE)), Ok(true));
        // Before a change on several instances, the next one is given to all of them as the previous one.
        assert_eq!(ids(Some(ONE), Some(TWO)).judge(Some(ONE)), Ok(false));
    }

    #[test]
    fn a_missing_and_another_pepper_are_mismatches() {
        assert_eq!(ids(None, None).judge(Some(ONE)), Err(PepperMismatch::Missing));
        assert_eq!(
            ids(None, Some(TWO)).judge(Some(ONE)),
            Err(PepperMismatch::Missing)
        );
        assert_eq!(
            ids(Some(TWO), None).judge(Some(ONE)),
            Err(PepperMismatch::Changed)
        );
    }

    proptest! {
        #[test]
        fn a_recorded_pepper_is_accepted_exactly_if_it_is_configured(current: Option<u8>, previous: Option<u8>, recorded: u8) {
            let id = |number: u8| PepperId::from_bytes([number; 8]);
            let ids = ids(current.map(id), previous.map(id));
            let is_configured = [current, previous].contains(&Some(recorded));
            prop_assert_eq!(ids.judge(Some(id(recorded))).is_ok(), is_configured);
            prop_assert!(ids.judge(None).is_ok());
        }
    }
}
