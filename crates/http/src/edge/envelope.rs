//! The outermost middleware: assigns the request id, derives the client address, has the surface render errors, adds the
//! headers of every response, and records the request in log and metrics.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use doorward_runtime::RequestOrigin;
use tracing::Instrument as _;

use crate::error::{Attached, ErrorRenderer, Rejection, RejectionKind, SurfaceError};
use crate::request::Request;
use crate::state::ServerState;

use super::connections::ConnectionGuard;
use super::rate_limit::RateLimited;
use super::slices::in_slices;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every response, unless the handler sets them: pages need another content security policy, and public
/// responses may be cached.
const DEFAULT_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Wraps the handling of a request. A scope whose errors have another format than the listener's registers its own renderer
/// with `app_data`.
pub(crate) async fn envelope(
    state: web::Data<ServerState>,
    renderer: web::Data<dyn ErrorRenderer>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _active = request
        .conn_data::<Arc<ConnectionGuard>>()
        .map(|guard| guard.begin_request());
    let span = RequestSpan::begin(&state, &request);
    request.extensions_mut().insert(span.request.clone());
    let traced = tracing::debug_span!(
        "request",
        request_id = span.request_id.as_str(),
        method = method_label(&span.method),
        route = tracing::field::Empty,
    );
    match next.call(request).instrument(traced.clone()).await {
        Ok(response) => {
            let route = response.request().match_pattern();
            traced.record("route", route.as_deref());
            let (request, response) = response.map_into_boxed_body().into_parts();
            if let Some(RateLimited(class)) = response.extensions().get() {
                state.application.count_rate_limited(class.name(), &span.request);
            }
            let renderer = request.app_data().unwrap_or(&renderer);
            let (response, error) = span.finish(response, &***renderer, state.is_draining());
            span.log_response(&state, route.as_deref(), response.status(), error.as_deref());
            Ok(ServiceResponse::new(request, in_slices(response)))
        }
        Err(error) => {
            let (response, cause) = span.finish(error.error_response(), &**renderer, state.is_draining());
            span.log_response(&state, None, response.status(), cause.as_deref());
            // The failed middleware has consumed the request; an error that contains its response needs none.
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// A request from its head to its response.
struct RequestSpan {
    at: Instant,
    method: Method,
    /// The id as text, for the response header, the log and problems.
    request_id: String,
    request: Request,
}

impl RequestSpan {
    fn begin(state: &ServerState, request: &ServiceRequest) -> Self {
        let app = &state.application;
        // The id never comes from the client, who could make two requests look like one.
        let request_id = state.request_ids.generate(app.now(), app.entropy());
        let peer = request.request().peer_addr();
        let headers = request.headers();
        let ip = state.addresses.of(peer, headers);
        let user_agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        state
            .proxy_checks
            .observe(|| app.now(), peer, headers, &state.addresses);
        Self {
            at: now(),
            method: request.method().clone(),
            request_id: request_id.to_string(),
            request: Request(RequestOrigin::new(request_id, ip, user_agent)),
        }
    }

    /// Renders the error, if the response is one, and adds the headers of every response.
    fn finish(
        &self,
        mut response: HttpResponse<BoxBody>,
        renderer: &dyn ErrorRenderer,
        is_draining: bool,
    ) -> (HttpResponse<BoxBody>, Option<Box<dyn SurfaceError>>) {
        let error = error_of(&mut response, renderer);
        if let Some(error) = &error {
            response = self.render(&**error, renderer.base_path(), &response);
        }
        if is_draining {
            // The client sends its next request on another connection, which leads to another instance.
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        let status = response.status();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED && !headers.contains_key(header::WWW_AUTHENTICATE) {
            // Every 401 has a challenge (RFC 9110, section 15.5.2).
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        for (name, value) in DEFAULT_HEADERS {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if let Ok(value) = HeaderValue::from_str(&self.request_id) {
            headers.insert(REQUEST_ID, value);
        }
        (response, error)
    }

    fn render(
        &self,
        error: &dyn SurfaceError,
        base_path: &str,
        framework: &HttpResponse<BoxBody>,
    ) -> HttpResponse<BoxBody> {
        let rendered = error.render(&self.request_id, base_path);
        let mut response = HttpResponse::with_body(rendered.status, BoxBody::new(rendered.body));
        // Other headers that the framework set, such as `Allow`, are kept.
        let kept = framework
            .headers()
            .iter()
            .filter(|(name, _)| **name != header::CONTENT_TYPE);
        merge(response.headers_mut(), kept);
        merge(response.headers_mut(), rendered.headers.iter());
        response
    }

    /// Records the response in the metrics and with one log line. Neither contains a secret; of what the client sent, they
    /// contain only its address and the method, if it is a known one.
    fn log_response(
        &self,
        state: &ServerState,
        route: Option<&str>,
        status: StatusCode,
        error: Option<&dyn SurfaceError>,
    ) {
        let took = now().duration_since(self.at);
        let (method, route) = (method_label(&self.method), route.unwrap_or("unmatched"));
        state
            .metrics
            .record_response(method, route, status.as_u16(), took);
        let request_id = self.request_id.as_str();
        let ip = self.request.ip().map(tracing::field::display);
        let (status, took_us) = (
            status.as_u16(),
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        );
        let code = error.map(SurfaceError::code);
        let cause = error.and_then(SurfaceError::cause);
        macro_rules! completed {
            ($level:ident) => {
                tracing::$level!(
                    request_id,
                    method,
                    route,
                    status,
                    code,
                    took_us,
                    ip,
                    cause,
                    "request completed"
                )
            };
        }
        match status {
            500 => completed!(error),
            501..=599 => completed!(warn),
            _ => completed!(info),
        }
    }
}

/// Takes the error out of a response: of a handler, of this crate, or an error status that the framework set on its own.
fn error_of(
    response: &mut HttpResponse<BoxBody>,
    renderer: &dyn ErrorRenderer,
) -> Option<Box<dyn SurfaceError>> {
    let status = response.status();
    let mut extensions = response.extensions_mut();
    if let Some(Attached(error)) = extensions.remove() {
        return Some(error);
    }
    if let Some(rejection) = extensions.remove::<Rejection>() {
        return Some(renderer.reject(rejection));
    }
    let is_error = status.is_client_error() || status.is_server_error();
    let body_is_final = extensions.contains::<FinalBody>();
    (is_error && !body_is_final).then(|| renderer.reject(Rejection::new(RejectionKind::of_status(status))))
}

/// Marks a response with an error status whose body must not be replaced, such as that of a health check.
pub struct FinalBody;

fn merge<'a>(headers: &mut HeaderMap, more: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) {
    for (name, value) in more {
        headers.append(name.clone(), value.clone());
    }
}

/// The metric label of a method: unknown ones are `other`, so that clients cannot create labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "response times are only measured; no policy depends on them"
)]
fn now() -> Instant {
    Instant::now()
}
