//! The interface of a surface.

use actix_web::web::ServiceConfig;

use crate::endpoint::Route;
use crate::error::ErrorRenderer;

/// An HTTP interface of Doorward: a set of routes whose errors have one format.
pub trait Surface: ErrorRenderer {
    /// The routes of the public listener. Called once per worker.
    fn public_routes(&self) -> Vec<Route>;

    /// The routes of the management listener. Called once per worker.
    fn management_routes(&self) -> Vec<Route>;

    /// Registers the `Data` of its handlers, besides the application and the server state. Called once per worker.
    fn add_data(&self, config: &mut ServiceConfig);
}
