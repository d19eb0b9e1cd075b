//! The routes, one file a resource.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod docs;
pub(crate) mod endpoint;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod metrics;
pub(crate) mod probes;
pub(crate) mod problems;
pub(crate) mod revocations;
pub(crate) mod setup;
pub(crate) mod users;

use actix_web::web::{self, ServiceConfig};

use crate::throttle::{Class, Throttle};
use endpoint::Endpoint;

/// Every route of the public listener. This table and the OpenAPI document say the same; a test compares them.
pub(crate) fn public() -> Vec<Endpoint> {
    use Class::{General, Refresh, Sensitive};
    vec![
        Endpoint::at("/v1/auth/register", Sensitive).post(auth::register),
        Endpoint::at("/v1/auth/login", Sensitive).post(auth::login),
        Endpoint::at("/v1/auth/refresh", Refresh).post(auth::refresh),
        Endpoint::at("/v1/auth/logout", General).post(auth::logout),
        Endpoint::at("/v1/auth/logout-all", General).post(auth::logout_all),
        Endpoint::at("/v1/auth/me", General).get(auth::me),
        Endpoint::at("/v1/account", General)
            .get(account::view)
            .patch(account::update),
        Endpoint::at("/v1/account/deletion", Sensitive).post(account::delete),
        Endpoint::at("/v1/account/password", Sensitive).post(account::change_password),
        Endpoint::at("/v1/account/sessions", General)
            .get(account::list_sessions)
            .delete(account::end_other_sessions),
        Endpoint::at("/v1/account/sessions/{id}", General).delete(account::end_session),
        Endpoint::at("/v1/setup", Sensitive).post(setup::complete),
        Endpoint::at("/v1/users", General)
            .get(users::list)
            .post(users::create),
        Endpoint::at("/v1/users/{id}", General)
            .get(users::view)
            .patch(users::update)
            .delete(users::delete),
        Endpoint::at("/v1/users/{id}/roles", General).put(users::set_roles),
        Endpoint::at("/v1/users/{id}/unlock", General).post(users::unlock),
        Endpoint::at("/v1/users/{id}/sessions", General)
            .get(users::list_sessions)
            .delete(users::end_sessions),
        Endpoint::at("/v1/audit", General).get(audit::list),
        Endpoint::at("/.well-known/jwks.json", General).get(keys::jwks),
        Endpoint::at("/v1/revocations", General).get(revocations::list),
        Endpoint::at("/health/live", General).get(health::live),
        Endpoint::at("/health/ready", General).get(health::ready),
        Endpoint::at("/openapi.json", General).get(docs::openapi),
        Endpoint::at("/docs", General).get(docs::page),
        Endpoint::at("/docs/{asset}", General).get(docs::asset),
        Endpoint::at("/problems/{code}", General).get(problems::page),
    ]
}

/// Every route of the management listener.
fn management() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/health/live", Class::General).get(health::live),
        Endpoint::at("/health/ready", Class::General).get(health::ready),
        Endpoint::at("/metrics", Class::General).get(metrics::metrics),
        Endpoint::at("/probes", Class::General).post(probes::make),
        Endpoint::at("/probes/{name}", Class::General).get(probes::view),
    ]
}

/// Registers the public routes under the throttle, and an answer for everything else.
pub(crate) fn configure_public(config: &mut ServiceConfig, throttle: &Throttle) {
    for endpoint in public() {
        endpoint.register(config, Some(throttle));
    }
    config.service(
        web::scope("")
            .wrap(throttle.middleware(Class::General))
            .default_service(web::to(endpoint::not_found)),
    );
}

/// Registers the management routes. They have no throttle: monitoring must not be turned away.
pub(crate) fn configure_management(config: &mut ServiceConfig) {
    for endpoint in management() {
        endpoint.register(config, None);
    }
    config.default_service(web::to(endpoint::not_found));
}
