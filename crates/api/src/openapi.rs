//! The OpenAPI document, from the annotations of the handlers.

use actix_web::http::Method;
use doorward_http::Guard;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{PathItem, Ref, Server};
use utoipa::{Modify, OpenApi};

use crate::operation::{docs, health, index, problems};
use crate::problem::{ProblemBody, ProblemResponse, ViolationBody};
use crate::{account, audit, key, routes, session, setup, token};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward",
        description = "Authentication, sessions and access control.\n\nRequests and responses are JSON. Unknown and duplicate \
                       members of a request are rejected. Times are RFC 3339 in UTC, durations are whole seconds, ids are opaque \
                       strings. Every error is a problem document (RFC 9457) whose `type` is a page of this server.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later"),
    ),
    paths(
        account::handlers::register, account::handlers::view, account::handlers::update, account::handlers::delete,
        account::handlers::change_password,
        account::users::list, account::users::create, account::users::view, account::users::update,
        account::users::delete, account::users::set_roles, account::users::unlock,
        session::handlers::login, session::handlers::refresh, session::handlers::logout,
        session::handlers::logout_all, session::handlers::me,
        session::handlers::list_own_sessions, session::handlers::end_other_sessions, session::handlers::end_session,
        session::handlers::list_user_sessions, session::handlers::end_user_sessions,
        setup::handlers::complete, audit::handlers::list, key::handlers::jwks, token::handlers::list,
        health::live, health::ready, index::page, docs::openapi, docs::page, docs::redirect, docs::asset, problems::page,
    ),
    components(responses(ProblemResponse), schemas(ProblemBody, ViolationBody)),
    tags(
        (name = "auth", description = "Registration, login, token refresh and logout."),
        (name = "account", description = "The caller's own account and sessions."),
        (name = "setup", description = "Creation of the first administrator."),
        (name = "users", description = "User accounts, for administrators."),
        (name = "audit", description = "The audit log, for administrators."),
        (name = "keys", description = "What services need to verify access tokens: public keys and revocations."),
        (name = "health", description = "Liveness and readiness."),
        (name = "documentation", description = "The API documentation and the pages of the problem types."),
    ),
    modifiers(&Bearer, &Table),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The access token of a session (RFC 6750, RFC 9068)."))
            .build();
        document
            .components
            .get_or_insert_with(Default::default)
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Adds `security`, `x-permission` and the default response (a problem) to each operation, from the route table.
struct Table;

impl Modify for Table {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for route in routes::public() {
            let item = document.paths.paths.get_mut(route.path);
            let Some(operation) = item.and_then(|item| operation(item, &route.method)) else {
                continue;
            };
            let (security, permission) = match route.guard {
                Guard::Public => (SecurityRequirement::default(), "public"),
                Guard::Permission(name) => (SecurityRequirement::new("bearer", [""; 0]), name),
            };
            operation.security = Some(vec![security]);
            operation
                .extensions
                .get_or_insert_default()
                .insert("x-permission".to_owned(), permission.into());
            let problem = Ref::from_response_name("ProblemResponse");
            operation
                .responses
                .responses
                .insert("default".to_owned(), problem.into());
        }
    }
}

fn operation<'a>(item: &'a mut PathItem, method: &Method) -> Option<&'a mut Operation> {
    let operation = match *method {
        Method::GET => &mut item.get,
        Method::POST => &mut item.post,
        Method::PUT => &mut item.put,
        Method::PATCH => &mut item.patch,
        Method::DELETE => &mut item.delete,
        _ => return None,
    };
    operation.as_mut()
}

/// The OpenAPI 3.1 document of the public listener, as JSON. `base_path` is the path under which clients reach it, if it is not
/// the root of their server.
pub fn openapi_json(base_path: &str) -> String {
    let mut document = Document::openapi();
    if !base_path.is_empty() {
        document.servers = Some(vec![Server::new(base_path)]);
    }
    // A document built from annotations always serialises.
    document.to_pretty_json().unwrap_or_default()
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
