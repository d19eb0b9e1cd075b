//! The API as a surface.

use actix_web::web::{Data, ServiceConfig};
use doorward_http::{ErrorRenderer, Rejection, Route, Surface, SurfaceError};

use crate::openapi::openapi_json;
use crate::operation::docs::{DocsSettings, Document};
use crate::problem::Problem;
use crate::routes;

/// The JSON API.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    /// Whether the API documentation is served: `/docs` and `/openapi.json`.
    pub docs: bool,
}

impl ErrorRenderer for Api {
    fn reject(&self, rejection: Rejection) -> Box<dyn SurfaceError> {
        Box::new(Problem::from(rejection))
    }
}

impl Surface for Api {
    fn public_routes(&self) -> Vec<Route> {
        let mut routes = routes::public();
        routes.retain(|route| self.docs || !routes::DOCUMENTATION.contains(&route.path));
        routes
    }

    fn management_routes(&self) -> Vec<Route> {
        routes::management()
    }

    fn add_data(&self, config: &mut ServiceConfig) {
        config
            .app_data(Data::new(Document(openapi_json())))
            .app_data(Data::new(DocsSettings { enabled: self.docs }));
    }
}
