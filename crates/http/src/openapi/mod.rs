//! The OpenAPI document, from the annotations of the handlers.

use std::sync::OnceLock;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::problem::{ProblemBody, ProblemResponse, ViolationBody};
use crate::routes::{account, audit, auth, docs, health, keys, problems, revocations, setup, users};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Doorward",
        description = "Identity and access: who is this, and what may they do?\n\nJSON in, JSON out. Members of requests are \
                       strict: unknown and duplicate ones are refused. Times are RFC 3339 in UTC, durations whole seconds, ids \
                       opaque. Every error is a problem document (RFC 9457) whose `type` is a page of this server.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later"),
    ),
    paths(
        auth::register, auth::login, auth::refresh, auth::logout, auth::logout_all, auth::me,
        account::view, account::update, account::delete, account::change_password, account::list_sessions, account::end_other_sessions, account::end_session,
        setup::complete,
        users::list, users::create, users::view, users::update, users::delete, users::set_roles, users::unlock,
        users::list_sessions, users::end_sessions, audit::list,
        keys::jwks, revocations::list, health::live, health::ready, docs::openapi, docs::page, docs::asset, problems::page,
    ),
    components(responses(ProblemResponse), schemas(ProblemBody, ViolationBody)),
    tags(
        (name = "auth", description = "Registering, logging in, staying logged in, logging out."),
        (name = "account", description = "One's own account and sessions."),
        (name = "setup", description = "The first administrator."),
        (name = "users", description = "Other people's accounts, for administrators."),
        (name = "audit", description = "What happened, for administrators."),
        (name = "keys", description = "The keys that access tokens are verified with."),
        (name = "health", description = "Whether the server lives and is of use."),
        (name = "documentation", description = "This document, and what problems mean."),
    ),
    modifiers(&Bearer),
)]
struct Document;

/// Adds the one way to say who asks.
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

/// The OpenAPI 3.1 document of the public listener, as JSON.
pub fn openapi_json() -> &'static str {
    static JSON: OnceLock<String> = OnceLock::new();
    // A document made of our own annotations always serialises.
    JSON.get_or_init(|| Document::openapi().to_pretty_json().unwrap_or_default())
}

#[cfg(test)]
mod tests;
