//! Sessions, the rotation of their refresh tokens, and the ports that store and seal them.

mod authentication;
mod kind;
mod model;
mod refresh_token;
mod repository;
mod rotation;

pub use authentication::{AssuranceLevel, Authentication, AuthenticationMethod, AuthenticationMethods};
pub use kind::SessionKind;
pub use model::{EndReason, Ended, Generation, Session, SessionKey, SessionPolicy};
#[cfg(any(test, feature = "mocks"))]
pub use refresh_token::MockRefreshTokens;
pub use refresh_token::{PresentedRefreshToken, RefreshToken, RefreshTokens};
#[cfg(any(test, feature = "mocks"))]
pub use repository::MockSessionRepository;
pub use repository::{MAX_ROTATION, SessionRepository};
pub use rotation::{Decision, Difference, Refusal, ReplayCause, decide};
