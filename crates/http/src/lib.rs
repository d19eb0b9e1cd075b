//! HTTP infrastructure for surfaces, on actix-web: listeners, connection limits, throttle, client addresses, extractors,
//! guards, request log and metrics. It has no routes: a [`Surface`] supplies the routes and the format of its errors.
//!
//! A request that this crate rejects by itself is a [`Rejection`]; the surface renders it.

mod edge;
mod endpoint;
mod error;
mod extract;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "test-support")]
mod in_process;
mod listener;
mod metrics;
mod proxy_check;
mod request;
mod state;
mod surface;

pub use edge::{Class, ConnectionSettings, FinalBody, Rate, ThrottleSettings};
pub use endpoint::{Guard, Route};
pub use error::{
    ErrorHeaders, ErrorRenderer, Rejection, RejectionKind, RenderedError, STORE_RETRY, SurfaceError, attach,
};
pub use extract::{Require, RequireOn, RequireUser, StrictJson, StrictQuery};
#[cfg(feature = "test-support")]
pub use in_process::in_process;
pub use listener::{Addresses, HttpSettings, Stop, StopRequests, serve};
pub use proxy_check::{ObservedRequest, PROXY_CHECK_HEADER, ProxyCheck};
pub use request::{ForwardingHeader, ProxySettings, Request};
pub use state::ServerState;
pub use surface::Surface;
