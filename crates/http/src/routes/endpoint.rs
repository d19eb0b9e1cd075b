//! One path with its methods, and the answer to every other method.

use actix_web::http::{Method, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder, Route};

use crate::problem::{Code, Problem};
use crate::throttle::{Class, Throttle};

/// A path, the methods it has, and the class it is throttled in.
pub(crate) struct Endpoint {
    path: &'static str,
    class: Class,
    methods: Vec<Method>,
    resource: Resource,
}

macro_rules! methods {
    ($($name:ident => $method:ident,)*) => {
        $(
            /// Answers this method with `handler`.
            pub(crate) fn $name<F, Args>(self, handler: F) -> Self
            where
                F: Handler<Args>,
                Args: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                self.method(Method::$method, web::to(handler))
            }
        )*
    };
}

impl Endpoint {
    /// An endpoint without methods.
    pub(crate) fn at(path: &'static str, class: Class) -> Self {
        Self {
            path,
            class,
            methods: Vec::new(),
            resource: web::resource(path),
        }
    }

    /// Answers GET with `handler`, and HEAD with the same but for the body (RFC 9110, section 9.3.2).
    pub(crate) fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.method(Method::GET, web::to(handler.clone()))
            .method(Method::HEAD, web::to(handler))
    }

    methods! {
        post => POST,
        put => PUT,
        patch => PATCH,
        delete => DELETE,
    }

    fn method(mut self, method: Method, route: Route) -> Self {
        self.resource = self.resource.route(route.method(method.clone()));
        self.methods.push(method);
        self
    }

    /// Its path and methods, for comparing them with the documentation.
    #[cfg(test)]
    pub(crate) fn declared(&self) -> (&'static str, &[Method]) {
        (self.path, &self.methods)
    }

    /// Registers the endpoint, throttled if there is a throttle.
    pub(crate) fn register(self, config: &mut ServiceConfig, throttle: Option<&Throttle>) {
        let allow = self
            .methods
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let resource = self.resource.default_service(web::to(move || {
            let problem = Problem::new(Code::MethodNotAllowed).header(header::ALLOW, &allow);
            async move { Err::<&'static str, _>(problem) }
        }));
        tracing::trace!(path = self.path, "route");
        match throttle {
            Some(throttle) => config.service(resource.wrap(throttle.middleware(self.class))),
            None => config.service(resource),
        };
    }
}

/// The answer where there is nothing.
pub(crate) async fn not_found() -> Result<&'static str, Problem> {
    Err(Problem::new(Code::NotFound))
}
