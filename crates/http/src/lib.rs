//! HTTP for surfaces, on actix-web: listeners, connections, throttle, where a request comes from, extractors, guards, log
//! and metrics. No routes: a [`Surface`] brings those, and the shape of its errors.
//!
//! What this crate itself refuses a request for is a [`Rejection`]; the surface renders it.

mod edge;
mod endpoint;
mod extract;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod listener;
mod metrics;
mod proxy_check;
mod rejection;
mod rendering;
mod request;
mod state;
mod surface;

pub use edge::{Class, ConnectionSettings, FinalBody, Rate, ThrottleSettings};
pub use endpoint::{Guard, Route};
pub use extract::{Require, RequireOn, StrictJson, StrictQuery};
pub use listener::{Addresses, HttpSettings, Stop, serve};
pub use proxy_check::{ObservedRequest, PROXY_CHECK_HEADER, ProxyCheck};
pub use rejection::{ErrorHeaders, Rejection, RejectionKind, STORE_RETRY};
pub use rendering::{ErrorRenderer, RenderedError, SurfaceError, attach};
pub use request::{ForwardingHeader, ProxySettings, Request};
pub use state::ServerState;
pub use surface::Surface;
