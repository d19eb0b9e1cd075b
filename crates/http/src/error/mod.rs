//! Errors: the rejections of this crate, and the rendering of surfaces' errors.

mod headers;
mod rejection;
mod rendering;

pub use headers::ErrorHeaders;
pub use rejection::{Rejection, RejectionKind, STORE_RETRY};
pub(crate) use rendering::Attached;
pub use rendering::{ErrorRenderer, RenderedError, SurfaceError, attach};
