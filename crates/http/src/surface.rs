//! What a surface brings.

use actix_web::web::ServiceConfig;

use crate::endpoint::Route;
use crate::error::ErrorRenderer;

/// One way to use Doorward over HTTP: a set of routes whose errors have one shape.
pub trait Surface: ErrorRenderer {
    /// The routes of the public listener. Called once for each worker.
    fn public_routes(&self) -> Vec<Route>;

    /// The routes of the management listener.
    fn management_routes(&self) -> Vec<Route>;

    /// Adds what its handlers take as `Data`, besides the application and the state of the server. Called once for each
    /// worker.
    fn add_data(&self, config: &mut ServiceConfig);
}
