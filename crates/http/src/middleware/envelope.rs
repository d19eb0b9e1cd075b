//! The outermost middleware: it names the request, finds out where it comes from, writes problems out, adds the headers
//! that every answer has, and tells log and metrics what came of it.

use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use doorward_domain::id::EventId;

use crate::app::App;
use crate::client_address::ClientAddresses;
use crate::connections::Place;
use crate::extract::Origin;
use crate::problem::{Code, Problem};
use crate::throttle::Refused;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers that every answer has, unless its handler has set them otherwise: pages need a policy that lets them be seen,
/// and what is the same for everybody may be cached.
const DEFAULT_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Wraps the answering of one request.
pub(crate) async fn envelope(
    app: web::Data<App>,
    addresses: web::Data<ClientAddresses>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let _under_way = request.conn_data::<Place>().map(Place::begin);
    let begun = Begun::new(&app, &addresses, &request);
    request.extensions_mut().insert(begun.origin.clone());
    match next.call(request).await {
        Ok(answer) => {
            let route = answer.request().match_pattern();
            let answer = answer.map_into_boxed_body();
            let (request, response) = answer.into_parts();
            if let Some(Refused(class)) = response.extensions().get() {
                app.refused(*class, &begun.origin);
            }
            let (response, problem) = begun.finish(response);
            begun.tell(&app, route.as_deref(), response.status(), problem.as_ref());
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => {
            let (response, problem) = begun.finish(error.error_response());
            begun.tell(&app, None, response.status(), problem.as_ref());
            // The request is gone with the middleware that failed; an error that carries its answer needs none.
            Err(InternalError::from_response(error, response).into())
        }
    }
}

/// A request under way.
struct Begun {
    at: Instant,
    method: Method,
    origin: Origin,
}

impl Begun {
    fn new(app: &Arc<App>, addresses: &ClientAddresses, request: &ServiceRequest) -> Self {
        // The id is our own: a client that chose it could make two requests look like one.
        let request_id = EventId::generate(app.now(), app.entropy()).to_string();
        let peer = request.request().peer_addr();
        let ip = addresses.of(peer, request.headers());
        app.probes.note(|| app.now(), peer, request.headers(), addresses);
        Self {
            at: now(),
            method: request.method().clone(),
            origin: Origin::new(request_id, ip, request.headers()),
        }
    }

    /// The answer as it leaves: a problem written out, and the headers that every answer has.
    fn finish(&self, response: HttpResponse<BoxBody>) -> (HttpResponse<BoxBody>, Option<Problem>) {
        let problem = problem_of(&response);
        let mut response = match &problem {
            Some(problem) => self.write_out(problem, &response),
            None => response,
        };
        let headers = response.headers_mut();
        for (name, value) in DEFAULT_HEADERS {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if let Ok(value) = HeaderValue::from_str(&self.origin.request_id) {
            headers.insert(REQUEST_ID, value);
        }
        (response, problem)
    }

    fn write_out(&self, problem: &Problem, framework: &HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
        let (body, headers) = problem.render(&self.origin.request_id);
        let mut response = HttpResponse::with_body(problem.code().status(), BoxBody::new(body));
        // What the framework has to say besides, such as `Allow`, stays.
        let kept = framework
            .headers()
            .iter()
            .filter(|(name, _)| **name != header::CONTENT_TYPE);
        merge(response.headers_mut(), kept);
        merge(response.headers_mut(), headers.iter());
        response
    }

    /// One line for the log, one observation for the metrics. Nothing in them is a secret; of what the client sent there is
    /// its address and the method, if it is one of the known ones.
    fn tell(&self, app: &App, route: Option<&str>, status: StatusCode, problem: Option<&Problem>) {
        let took = now().duration_since(self.at);
        let (method, route) = (known(&self.method), route.unwrap_or("unmatched"));
        app.metrics.answered(method, route, status.as_u16(), took);
        let request_id = self.origin.request_id.as_str();
        let ip = self.origin.ip.map(tracing::field::display);
        let (status, took_us) = (
            status.as_u16(),
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        );
        let code = problem.map(|problem| problem.code().as_str());
        let cause = problem.and_then(Problem::log_cause);
        match status {
            500 => tracing::error!(
                request_id, method, route, status, code, took_us, ip, cause, "answered"
            ),
            501..=599 => tracing::warn!(
                request_id, method, route, status, code, took_us, ip, cause, "answered"
            ),
            _ => tracing::info!(
                request_id, method, route, status, code, took_us, ip, cause, "answered"
            ),
        }
    }
}

/// The problem that an answer is: one that a handler made, or one for an error that the framework answered on its own.
fn problem_of(response: &HttpResponse<BoxBody>) -> Option<Problem> {
    if let Some(problem) = response.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_answered = response.extensions().get::<Answered>().is_some();
    (is_error && !is_answered).then(|| Problem::new(Code::of_status(status)))
}

/// Marks an answer with an error status whose body is meant: health checks have a form of their own.
pub(crate) struct Answered;

fn merge<'a>(headers: &mut HeaderMap, more: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) {
    for (name, value) in more {
        headers.append(name.clone(), value.clone());
    }
}

/// The method, if it is one that a label may be made of.
fn known(method: &Method) -> &'static str {
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
    reason = "how long an answer takes is measured, not decided: no policy reads it"
)]
fn now() -> Instant {
    Instant::now()
}
