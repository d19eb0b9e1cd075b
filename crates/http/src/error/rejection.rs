//! Requests that this crate rejects, before or without a handler.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use doorward_application::AuthenticateError;
use doorward_domain::access::Forbidden;

use super::headers::ErrorHeaders;

/// `Retry-After` when the database is unavailable.
pub const STORE_RETRY: Duration = Duration::from_secs(2);

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $status:ident,)*) => {
        /// Why a request is rejected.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RejectionKind {
            $($(#[$doc])* $variant,)*
        }

        impl RejectionKind {
            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// The request cannot be parsed.
    MalformedRequest = BAD_REQUEST,
    /// The route requires an access token, and the request has none.
    MissingToken = UNAUTHORIZED,
    /// The access token is invalid, expired or revoked.
    InvalidToken = UNAUTHORIZED,
    /// The caller lacks the permission.
    Forbidden = FORBIDDEN,
    /// The path has no route.
    NotFound = NOT_FOUND,
    /// The path has no route for the method.
    MethodNotAllowed = METHOD_NOT_ALLOWED,
    /// The request did not arrive, or was not processed, in time.
    RequestTimeout = REQUEST_TIMEOUT,
    /// The body is too large.
    PayloadTooLarge = PAYLOAD_TOO_LARGE,
    /// The body has an unsupported media type or encoding.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE,
    /// The client has exceeded its rate limit.
    RateLimited = TOO_MANY_REQUESTS,
    /// The headers are too large.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE,
    /// More work is queued than can be done in time.
    Overloaded = SERVICE_UNAVAILABLE,
    /// The database is unavailable.
    Unavailable = SERVICE_UNAVAILABLE,
    /// An unexpected error of this server.
    Internal = INTERNAL_SERVER_ERROR,
}

impl RejectionKind {
    /// The kind for an error status that the framework set on its own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            status if status.is_client_error() => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }
}

/// A rejected request; the surface renders it.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The reason.
    pub kind: RejectionKind,
    /// The message for the client.
    pub detail: Option<String>,
    /// Additional headers of the response.
    pub headers: ErrorHeaders,
    /// The message for the log. The client never receives it.
    pub cause: Option<String>,
}

impl Rejection {
    /// A rejection without detail, headers or cause.
    pub const fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            detail: None,
            headers: ErrorHeaders::new(),
            cause: None,
        }
    }

    /// A request that cannot be parsed. `detail` MUST NOT repeat what the client sent.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(RejectionKind::MalformedRequest)
        }
    }

    /// An access token that is invalid, expired or revoked (RFC 6750, section 3.1).
    pub fn invalid_token() -> Self {
        Self::new(RejectionKind::InvalidToken)
            .header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Sets the message for the log. The client never receives it.
    #[must_use]
    pub(crate) fn cause(mut self, cause: &impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }
}

impl From<AuthenticateError> for Rejection {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::InvalidToken(_) | AuthenticateError::TooOld | AuthenticateError::Revoked => {
                Self::invalid_token().cause(&error)
            }
            AuthenticateError::RevocationsUnknown => {
                let mut rejection = Self::new(RejectionKind::Unavailable).cause(&error);
                rejection.headers.add_retry_after(STORE_RETRY);
                rejection
            }
        }
    }
}

impl From<Forbidden> for Rejection {
    fn from(error: Forbidden) -> Self {
        Self::new(RejectionKind::Forbidden)
            .header(header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\"")
            .cause(&error)
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    /// An empty response that carries the rejection; the outermost middleware has the surface render it.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.kind.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}
