//! What a surface brings.

use crate::endpoint::Route;
use crate::error::ErrorRenderer;

/// One way to use Doorward over HTTP: a set of routes whose errors have one shape.
pub trait Surface: ErrorRenderer {
    /// The routes of the public listener. Called once for each worker.
    fn public_routes(&self) -> Vec<Route>;

    /// The routes of the management listener.
    fn management_routes(&self) -> Vec<Route>;
}
