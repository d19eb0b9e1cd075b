//! The API as a surface.

use actix_web::web::{Data, ServiceConfig};
use doorward_http::{ErrorRenderer, Rejection, Route, Surface, SurfaceError};

use crate::openapi::openapi_json;
use crate::operation::docs::Document;
use crate::problem::Problem;
use crate::routes;

/// The JSON API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Api;

impl ErrorRenderer for Api {
    fn reject(&self, rejection: Rejection) -> Box<dyn SurfaceError> {
        Box::new(Problem::from(rejection))
    }
}

impl Surface for Api {
    fn public_routes(&self) -> Vec<Route> {
        routes::public()
    }

    fn management_routes(&self) -> Vec<Route> {
        routes::management()
    }

    fn add_data(&self, config: &mut ServiceConfig) {
        config.app_data(Data::new(Document(openapi_json())));
    }
}
