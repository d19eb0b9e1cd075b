//! What the domain needs from the world, as traits.
//!
//! Every port is synchronous and object-safe. Databases and password hashing block, so an asynchronous port over them
//! would be a pretence; whoever calls a use case from an asynchronous program crosses over once, around the whole of it.
//!
//! With the feature `mocks` (and in this crate's own tests) each port has a `mockall` double: `MockUserRepository`,
//! `MockPasswordHasher` and so on.

mod entropy;
#[cfg(any(test, feature = "mocks"))]
mod mock_store;
mod passwords;
mod repositories;
mod revocations;
mod store;
mod tokens;

pub use entropy::Entropy;
pub use passwords::{
    AttemptKeys, HashError, PasswordHasher, RefusedAttempts, StrengthEstimate, StrengthEstimator,
    Verification,
};
pub use repositories::{
    AttemptRepository, EventFilter, EventLog, Insertion, KeyRepository, NetworkRepository, RevocationLog,
    SessionRepository, SetupRepository, SetupState, Sweeping, UserFilter, UserRepository,
};
pub use revocations::{RevocationCheck, RevocationStatus};
pub use store::{Repositories, StoreError, StoreResult, Transactions, UnitOfWork, Verdict};
pub use tokens::{
    AccessTokenSigner, AccessTokenVerifier, PublishedKeys, RefreshTokens, SigningError, TokenRejected,
};

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    entropy::MockEntropy,
    mock_store::{MockRepositories, MockStore},
    passwords::{MockAttemptKeys, MockPasswordHasher, MockRefusedAttempts, MockStrengthEstimator},
    repositories::{
        MockAttemptRepository, MockEventLog, MockKeyRepository, MockNetworkRepository, MockRevocationLog,
        MockSessionRepository, MockSetupRepository, MockSweeping, MockUserRepository,
    },
    revocations::MockRevocationCheck,
    tokens::{MockAccessTokenSigner, MockAccessTokenVerifier, MockPublishedKeys, MockRefreshTokens},
};
