//! Routes as rows of a table, and how they are registered.

use actix_web::guard;
use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};
use doorward_domain::access::Permission;

use crate::edge::{Class, Throttle};
use crate::error::{Rejection, RejectionKind};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Everybody.
    Public,
    /// Whoever holds the permission of this name.
    Permission(&'static str),
}

impl Guard {
    /// The guard of a handler that takes the proof of `P`.
    pub const fn permission<P: Permission>() -> Self {
        Self::Permission(P::NAME)
    }
}

/// One row of a surface's table of routes.
pub struct Route {
    /// The method. GET brings HEAD with it (RFC 9110, section 9.3.2).
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The class it is throttled in. Rows of one path are of one class.
    pub class: Class,
    /// Who may call it. It says what the handler's first argument enforces.
    pub guard: Guard,
    handler: actix_web::Route,
}

impl Route {
    /// A row.
    pub fn new<F, Args>(method: Method, path: &'static str, class: Class, guard: Guard, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        Self {
            method,
            path,
            class,
            guard,
            handler: web::to(handler),
        }
    }
}

/// A path with the methods it has.
struct Endpoint {
    path: &'static str,
    class: Class,
    allow: String,
    resource: Resource,
}

impl Endpoint {
    fn at(path: &'static str, class: Class) -> Self {
        Self {
            path,
            class,
            allow: String::new(),
            resource: web::resource(path),
        }
    }

    fn add(&mut self, route: Route) {
        let has_head = route.method == Method::GET;
        for method in [Some(&route.method), has_head.then_some(&Method::HEAD)]
            .into_iter()
            .flatten()
        {
            if !self.allow.is_empty() {
                self.allow.push_str(", ");
            }
            self.allow.push_str(method.as_str());
        }
        let by_method = guard::Method(route.method);
        let handler = if has_head {
            route.handler.guard(guard::Any(by_method).or(guard::Head()))
        } else {
            route.handler.guard(by_method)
        };
        let resource = std::mem::replace(&mut self.resource, web::resource(""));
        self.resource = resource.route(handler);
    }

    /// Registers the path, throttled if there is a throttle, with an answer to every other method.
    fn register(self, config: &mut ServiceConfig, throttle: Option<&Throttle>) {
        let allow = self.allow;
        let resource = self.resource.default_service(web::to(move || {
            let rejection = Rejection::new(RejectionKind::MethodNotAllowed).header(header::ALLOW, &allow);
            async move { Err::<&'static str, _>(rejection) }
        }));
        tracing::trace!(path = self.path, "route");
        match throttle {
            Some(throttle) => config.service(resource.wrap(throttle.middleware(self.class))),
            None => config.service(resource),
        };
    }
}

/// Registers routes under the throttle, and an answer for everything else.
pub(crate) fn register_public(routes: Vec<Route>, config: &mut ServiceConfig, throttle: &Throttle) {
    register(routes, config, Some(throttle));
    config.service(
        web::scope("")
            .wrap(throttle.middleware(Class::General))
            .default_service(web::to(not_found)),
    );
}

/// Registers routes without a throttle (monitoring must not be refused), and an answer for everything else.
pub(crate) fn register_management(routes: Vec<Route>, config: &mut ServiceConfig) {
    register(routes, config, None);
    config.default_service(web::to(not_found));
}

fn register(routes: Vec<Route>, config: &mut ServiceConfig, throttle: Option<&Throttle>) {
    for endpoint in by_path(routes) {
        endpoint.register(config, throttle);
    }
}

/// The endpoints of a table, in the order in which their paths first occur.
fn by_path(routes: Vec<Route>) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for route in routes {
        if let Some(endpoint) = endpoints.iter_mut().find(|endpoint| endpoint.path == route.path) {
            endpoint.add(route);
        } else {
            let mut endpoint = Endpoint::at(route.path, route.class);
            endpoint.add(route);
            endpoints.push(endpoint);
        }
    }
    endpoints
}

/// The answer where there is nothing.
async fn not_found() -> Result<&'static str, Rejection> {
    Err(Rejection::new(RejectionKind::NotFound))
}
