//! What this crate refuses a request for, before or without a surface.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, ResponseError};
use doorward_application::AuthenticateError;
use doorward_domain::access::Forbidden;

use super::headers::ErrorHeaders;

/// How long to wait for a database that is away. Long enough to let it come back, short enough to be tried.
pub const STORE_RETRY: Duration = Duration::from_secs(2);

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $status:ident,)*) => {
        /// Why a request is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RejectionKind {
            $($(#[$doc])* $variant,)*
        }

        impl RejectionKind {
            /// The status that HTTP has for it.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }
        }
    };
}

kinds! {
    /// It cannot be read.
    MalformedRequest = BAD_REQUEST,
    /// It has no access token, and needs one.
    MissingToken = UNAUTHORIZED,
    /// Its access token is not valid, or not any more.
    InvalidToken = UNAUTHORIZED,
    /// The caller lacks the permission.
    Forbidden = FORBIDDEN,
    /// Nothing is at its path.
    NotFound = NOT_FOUND,
    /// Something is at its path, but not for its method.
    MethodNotAllowed = METHOD_NOT_ALLOWED,
    /// It did not arrive in time, or could not be answered in time.
    RequestTimeout = REQUEST_TIMEOUT,
    /// Its body is too large.
    PayloadTooLarge = PAYLOAD_TOO_LARGE,
    /// Its body is of a type or encoding that is not read.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE,
    /// Its client has used up the allowance of its class.
    RateLimited = TOO_MANY_REQUESTS,
    /// Its headers are too large.
    HeadersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE,
    /// More work is waiting than can be done in time.
    Overloaded = SERVICE_UNAVAILABLE,
    /// The database is away.
    Unavailable = SERVICE_UNAVAILABLE,
    /// A fault of this server.
    Internal = INTERNAL_SERVER_ERROR,
}

impl RejectionKind {
    /// The kind of a status that the framework answered on its own.
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

/// A request that is refused, before a surface has rendered that.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// Why.
    pub kind: RejectionKind,
    /// What is wrong with this request, in words for the client.
    pub detail: Option<String>,
    /// Headers of the response.
    pub headers: ErrorHeaders,
    /// What happened, for the log alone.
    pub cause: Option<String>,
}

impl Rejection {
    /// A rejection of this kind.
    pub const fn new(kind: RejectionKind) -> Self {
        Self {
            kind,
            detail: None,
            headers: ErrorHeaders::new(),
            cause: None,
        }
    }

    /// A request that cannot be read. `detail` MUST NOT repeat what the client sent.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::new(RejectionKind::MalformedRequest)
        }
    }

    /// A token that is not valid, or not any more (RFC 6750, section 3.1).
    pub fn invalid_token() -> Self {
        Self::new(RejectionKind::InvalidToken)
            .header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    /// Adds a header to the response.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Sets what the log records, and nobody else is told.
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

    /// An empty response that carries the rejection: the outermost middleware has the surface render it.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.kind.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}
