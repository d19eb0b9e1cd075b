//! Rendering of errors: the surface determines the format, the outermost middleware supplies the request id.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;

use super::rejection::Rejection;

/// Converts the rejections of this crate to errors of a surface.
pub trait ErrorRenderer: Send + Sync + 'static {
    /// The surface's error for a request that was rejected before it reached a handler.
    fn reject(&self, rejection: Rejection) -> Box<dyn SurfaceError>;

    /// The path under which clients reach the surface, for links in errors: empty, or with a leading slash and none at the end.
    fn base_path(&self) -> &str;
}

/// An error of a surface. The outermost middleware renders it, because it has the request id.
pub trait SurfaceError: 'static {
    /// The error code, for the log.
    fn code(&self) -> &'static str;

    /// The message for the log. It MUST NOT be in the rendered response.
    fn cause(&self) -> Option<&str>;

    /// Renders the response to the request with that id. Links in it start with `base_path`.
    fn render(&self, request_id: &str, base_path: &str) -> RenderedError;
}

/// The response for an error.
#[derive(Debug)]
pub struct RenderedError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers, including `Content-Type`.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// The error in the extensions of a response that is not rendered yet.
pub(crate) struct Attached(pub(crate) Box<dyn SurfaceError>);

/// Returns an empty response that carries `error`, for a surface's implementation of `ResponseError::error_response`.
pub fn attach(status: StatusCode, error: impl SurfaceError) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    response.extensions_mut().insert(Attached(Box::new(error)));
    response
}
