//! Rows of a route table, and their registration.

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
    /// Anyone.
    Public,
    /// Callers that hold the permission of this name.
    Permission(&'static str),
}

impl Guard {
    /// The guard of a handler with the argument `Require<P>` or `RequireOn<P>`.
    pub const fn permission<P: Permission>() -> Self {
        Self::Permission(P::NAME)
    }
}

/// A row of a surface's route table.
pub struct Route {
    /// The method. GET includes HEAD (RFC 9110, section 9.3.2).
    pub method: Method,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// The throttle class; `None` for routes that cost next to nothing and must never be rejected, such as health checks. All
    /// rows of a path have the same class.
    pub class: Option<Class>,
    /// Who may call it. Documentation only: the first argument of the handler enforces it, and a test compares the two.
    pub guard: Guard,
    handler: actix_web::Route,
}

impl Route {
    /// Creates a row.
    pub fn new<F, Args>(
        method: Method,
        path: &'static str,
        class: Option<Class>,
        guard: Guard,
        handler: F,
    ) -> Self
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

/// A path with its methods.
struct Endpoint {
    path: &'static str,
    class: Option<Class>,
    allow: String,
    resource: Resource,
}

impl Endpoint {
    fn at(path: &'static str, class: Option<Class>) -> Self {
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

    /// Registers the path, with the throttle if there is one and the path has a class. Other methods get 405.
    fn register(self, config: &mut ServiceConfig, throttle: Option<&Throttle>) {
        let allow = self.allow;
        let resource = self.resource.default_service(web::to(move || {
            let rejection = Rejection::new(RejectionKind::MethodNotAllowed).header(header::ALLOW, &allow);
            async move { Err::<&'static str, _>(rejection) }
        }));
        tracing::trace!(path = self.path, "route");
        match throttle
            .zip(self.class)
            .and_then(|(throttle, class)| throttle.middlewares(class))
        {
            // The last one that wraps a service is the first to be passed.
            Some([first, second, third, last]) => {
                config.service(resource.wrap(last).wrap(third).wrap(second).wrap(first))
            }
            None => config.service(resource),
        };
    }
}

/// Registers routes with the throttle. Every other path gets 404.
pub(crate) fn register_public(routes: Vec<Route>, config: &mut ServiceConfig, throttle: &Throttle) {
    register(routes, config, Some(throttle));
    let rest = web::scope("").default_service(web::to(not_found));
    match throttle.middlewares(Class::General) {
        Some([first, second, third, last]) => {
            config.service(rest.wrap(last).wrap(third).wrap(second).wrap(first))
        }
        None => config.service(rest),
    };
}

/// Registers routes without a throttle, so that monitoring is never rejected. Every other path gets 404.
pub(crate) fn register_management(routes: Vec<Route>, config: &mut ServiceConfig) {
    register(routes, config, None);
    config.default_service(web::to(not_found));
}

fn register(routes: Vec<Route>, config: &mut ServiceConfig, throttle: Option<&Throttle>) {
    for endpoint in by_path(routes) {
        endpoint.register(config, throttle);
    }
}

/// Groups routes by path, in the order of first occurrence.
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

async fn not_found() -> Result<&'static str, Rejection> {
    Err(Rejection::new(RejectionKind::NotFound))
}
