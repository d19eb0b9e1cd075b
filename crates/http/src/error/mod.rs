//! Errors: what this crate refuses a request for, and how the errors of surfaces become responses.

mod headers;
mod rejection;
mod rendering;

pub use headers::ErrorHeaders;
pub use rejection::{Rejection, RejectionKind, STORE_RETRY};
pub(crate) use rendering::Attached;
pub use rendering::{ErrorRenderer, RenderedError, SurfaceError, attach};
