//! Problems: every error of the API, in the form of RFC 9457.
//!
//! This module maps the errors of use cases to responses. An error has two messages: `detail` is for the client, `cause`
//! is for the log only.

use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use doorward_domain::validation::Violation;
use doorward_http::{ErrorHeaders, Rejection, RenderedError, SurfaceError, attach};

mod body;
mod code;
mod errors;

pub(crate) use body::{ProblemBody, ProblemResponse, ViolationBody};
pub(crate) use code::Code;

/// An error of the API, before it is rendered.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: Option<String>,
    violations: Vec<Violation>,
    headers: ErrorHeaders,
    cause: Option<String>,
}

impl Problem {
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            violations: Vec::new(),
            headers: ErrorHeaders::new(),
            cause: None,
        }
    }

    /// A request that cannot be parsed. `detail` MUST NOT repeat what the client sent.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::MalformedRequest).detail(detail)
    }

    /// An access token that is invalid, expired or revoked (RFC 6750, section 3.1).
    pub(crate) fn invalid_token() -> Self {
        Rejection::invalid_token().into()
    }

    /// Sets the message for the client. MUST NOT repeat what the client sent.
    #[must_use]
    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets the message for the log. The client never receives it.
    #[must_use]
    fn cause(mut self, cause: &impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    #[must_use]
    fn retry_after(mut self, wait: Duration) -> Self {
        self.headers.add_retry_after(wait);
        self
    }

    /// Sets the limit that was reached and when to retry.
    #[must_use]
    fn rate_limit(mut self, name: &str, quota: u32, window: Duration, wait: Duration) -> Self {
        self.headers.add_rate_limit(name, quota, window, wait);
        self
    }
}

impl SurfaceError for Problem {
    fn code(&self) -> &'static str {
        self.code.as_str()
    }

    fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    fn render(&self, request_id: &str, base_path: &str) -> RenderedError {
        let body = ProblemBody {
            problem_type: format!("{base_path}/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            detail: self.detail.as_deref(),
            code: self.code.as_str(),
            request_id,
            errors: self.violations.iter().map(ViolationBody::from).collect(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        self.headers.append_to(&mut headers);
        RenderedError {
            status: self.code.status(),
            headers,
            // A struct of strings and numbers always serialises.
            body: serde_json::to_string(&body).unwrap_or_default(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> actix_web::http::StatusCode {
        self.code.status()
    }

    /// An empty response that carries the problem; the outermost middleware renders it.
    fn error_response(&self) -> HttpResponse {
        attach(self.code.status(), self.clone())
    }
}

#[cfg(test)]
mod tests {
    use doorward_application::{ChangePasswordError, LoginError, RefreshError, ViewUserError};
    use doorward_domain::store_error::StoreError;

    use super::*;

    #[test]
    fn a_database_outage_is_never_reported_as_a_failed_login() {
        let outage = || StoreError::Unavailable("planted".to_owned());
        for problem in [
            Problem::from(LoginError::Store(outage())),
            Problem::from(RefreshError::Store(outage())),
            Problem::from(ChangePasswordError::Store(outage())),
            Problem::from(ViewUserError::Store(outage())),
        ] {
            assert_eq!(problem.code, Code::Unavailable);
            assert!(problem.render("r", "").headers.contains_key(header::RETRY_AFTER));
        }
    }

    #[test]
    fn the_response_does_not_contain_the_cause() {
        let problem = Problem::from(StoreError::Corrupt("users.email of row 7".to_owned()));
        let body = problem.render("the-request", "").body;
        assert!(!body.contains("users.email"));
        assert!(body.contains("the-request"));
        assert_eq!(
            SurfaceError::cause(&problem),
            Some("the store holds something unreadable: users.email of row 7")
        );
    }
}
