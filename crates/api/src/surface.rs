//! The API as a surface.

use actix_web::web::{Data, ServiceConfig};
use doorward_http::{ErrorRenderer, Rejection, Route, Surface, SurfaceError};

use crate::openapi::openapi_json;
use crate::operation::docs::{DocsSettings, Document};
use crate::problem::Problem;
use crate::routes;
use crate::token::RenderedFeed;

/// The JSON API.
#[derive(Clone)]
pub struct Api {
    base_path: String,
    document: String,
    docs: bool,
    /// Shared by all workers.
    feed: Data<RenderedFeed>,
}

impl Api {
    /// The API as clients reach it under a path: empty, or with a leading slash and none at the end. `docs`: whether its
    /// documentation is served, `/docs` and `/openapi.json`.
    pub fn new(base_path: &str, docs: bool) -> Self {
        Self {
            base_path: base_path.to_owned(),
            document: openapi_json(base_path),
            docs,
            feed: Data::default(),
        }
    }
}

impl Default for Api {
    /// The API at the root of its server, with its documentation.
    fn default() -> Self {
        Self::new("", true)
    }
}

impl ErrorRenderer for Api {
    fn reject(&self, rejection: Rejection) -> Box<dyn SurfaceError> {
        Box::new(Problem::from(rejection))
    }

    fn base_path(&self) -> &str {
        &self.base_path
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
            .app_data(Data::new(Document(self.document.clone())))
            .app_data(Data::new(DocsSettings {
                enabled: self.docs,
                base_path: self.base_path.clone(),
            }))
            .app_data(Data::clone(&self.feed));
    }
}
