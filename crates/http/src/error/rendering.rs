//! How errors become responses: a surface gives them their shape, the outermost middleware the id of the request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;

use super::rejection::Rejection;

/// Gives the rejections of this crate the shape of a surface's own errors.
pub trait ErrorRenderer: Send + Sync + 'static {
    /// The surface's error for a request that was refused before it reached a handler.
    fn reject(&self, rejection: Rejection) -> Box<dyn SurfaceError>;
}

/// An error of a surface, to be rendered by the outermost middleware, which knows the id of the request.
pub trait SurfaceError: 'static {
    /// The kind of error, for the log.
    fn code(&self) -> &'static str;

    /// What happened, for the log alone.
    fn cause(&self) -> Option<&str>;

    /// The response to the request of that id.
    fn render(&self, request_id: &str) -> RenderedError;
}

/// The response that an error is.
#[derive(Debug)]
pub struct RenderedError {
    /// Its status.
    pub status: StatusCode,
    /// Its headers, with the type of the body.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

/// An error that a response carries until it is rendered.
pub(crate) struct Attached(pub(crate) Box<dyn SurfaceError>);

/// An empty response that carries `error`, for `error_response` of a surface's error.
pub fn attach(status: StatusCode, error: impl SurfaceError) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    response.extensions_mut().insert(Attached(Box::new(error)));
    response
}
