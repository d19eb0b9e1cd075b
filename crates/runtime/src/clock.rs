//! The source of the present.

use std::sync::Arc;

use doorward_domain::time::Timestamp;

/// Returns the present.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
