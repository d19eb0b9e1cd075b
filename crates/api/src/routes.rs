//! The route table.

use doorward_domain::access::{AssignRoles, ManageOwnAccount, ManageUsers, ReadAudit, ReadUser, ReadUsers};
use doorward_http::Route;

use crate::operation::{docs, health, index, metrics, problems, proxy_checks};
use crate::{account, audit, key, session, setup, token};

/// Builds routes from rows of method, path, throttle class (or `None`), guard (`public`, or the permission that the
/// handler's first argument proves) and handler.
macro_rules! routes {
    ($($method:ident $path:literal $class:ident $guard:ident $handler:path;)*) => {
        vec![$(
            Route::new(
                actix_web::http::Method::$method,
                $path,
                routes!(@class $class),
                routes!(@guard $guard),
                $handler,
            ),
        )*]
    };
    (@class None) => { None };
    (@class $class:ident) => { Some(doorward_http::Class::$class) };
    (@guard public) => { doorward_http::Guard::Public };
    (@guard $permission:ident) => { doorward_http::Guard::permission::<$permission>() };
}

/// The paths of the API documentation.
pub(crate) const DOCUMENTATION: [&str; 4] = ["/openapi.json", "/docs", "/docs/", "/docs/{asset}"];

/// The routes of the public listener.
#[rustfmt::skip]
pub(crate) fn public() -> Vec<Route> {
    routes! {
        POST   "/v1/auth/register"         Sensitive  public            account::handlers::register;
        POST   "/v1/auth/login"            Sensitive  public            session::handlers::login;
        POST   "/v1/auth/refresh"          Refresh    public            session::handlers::refresh;
        POST   "/v1/auth/logout"           General    public            session::handlers::logout;
        POST   "/v1/auth/logout-all"       General    ManageOwnAccount  session::handlers::logout_all;
        GET    "/v1/auth/me"               General    ManageOwnAccount  session::handlers::me;
        GET    "/v1/account"               General    ManageOwnAccount  account::handlers::view;
        PATCH  "/v1/account"               General    ManageOwnAccount  account::handlers::update;
        POST   "/v1/account/deletion"      Sensitive  ManageOwnAccount  account::handlers::delete;
        POST   "/v1/account/password"      Sensitive  ManageOwnAccount  account::handlers::change_password;
        GET    "/v1/account/sessions"      General    ManageOwnAccount  session::handlers::list_own_sessions;
        DELETE "/v1/account/sessions"      General    ManageOwnAccount  session::handlers::end_other_sessions;
        DELETE "/v1/account/sessions/{id}" General    ManageOwnAccount  session::handlers::end_session;
        POST   "/v1/setup"                 Sensitive  public            setup::handlers::complete;
        GET    "/v1/users"                 General    ReadUsers         account::users::list;
        POST   "/v1/users"                 General    ManageUsers       account::users::create;
        GET    "/v1/users/{id}"            General    ReadUser          account::users::view;
        PATCH  "/v1/users/{id}"            General    ManageUsers       account::users::update;
        DELETE "/v1/users/{id}"            General    ManageUsers       account::users::delete;
        PUT    "/v1/users/{id}/roles"      General    AssignRoles       account::users::set_roles;
        POST   "/v1/users/{id}/unlock"     General    ManageUsers       account::users::unlock;
        GET    "/v1/users/{id}/sessions"   General    ReadUsers         session::handlers::list_user_sessions;
        DELETE "/v1/users/{id}/sessions"   General    ManageUsers       session::handlers::end_user_sessions;
        GET    "/v1/audit"                 General    ReadAudit         audit::handlers::list;
        GET    "/.well-known/jwks.json"    None       public            key::handlers::jwks;
        GET    "/v1/revocations"           General    public            token::handlers::list;
        GET    "/health/live"              None       public            health::live;
        GET    "/health/ready"             None       public            health::ready;
        GET    "/"                         General    public            index::page;
        GET    "/openapi.json"             General    public            docs::openapi;
        GET    "/docs"                     General    public            docs::page;
        GET    "/docs/"                    General    public            docs::redirect;
        GET    "/docs/{asset}"             General    public            docs::asset;
        GET    "/problems/{code}"          General    public            problems::page;
    }
}

/// The routes of the management listener, which has no throttle.
#[rustfmt::skip]
pub(crate) fn management() -> Vec<Route> {
    routes! {
        GET    "/health/live"              None       public            health::live;
        GET    "/health/ready"             None       public            health::ready;
        GET    "/metrics"                  None       public            metrics::metrics;
        POST   "/probes"                   None       public            proxy_checks::create;
        GET    "/probes/{name}"            None       public            proxy_checks::view;
    }
}

#[cfg(test)]
#[path = "routes_tests.rs"]
pub(crate) mod tests;
