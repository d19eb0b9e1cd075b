//! Problems: every error that this server answers, as RFC 9457 has it.
//!
//! This is the one place that knows which error of which use case is answered how. There are two messages to an error:
//! the answer, for the caller, and the cause, for the log.

use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use doorward_application::AuthenticateError;
use doorward_domain::validation::Violation;

mod body;
mod code;
mod errors;

pub(crate) use body::{ProblemBody, ProblemResponse, ViolationBody};
pub(crate) use code::Code;

/// How long to wait for a database that is away. Long enough to let it come back, short enough to be tried.
const STORE_RETRY: Duration = Duration::from_secs(2);

/// An error, on its way to becoming an answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    code: Code,
    detail: Option<String>,
    violations: Vec<Violation>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of this kind.
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            violations: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }
    }

    /// A request that cannot be read, and where.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::MalformedRequest).detail(detail)
    }

    /// A token that is not valid, or not any more (RFC 6750, section 3.1).
    pub(crate) fn invalid_token() -> Self {
        Self::new(Code::InvalidToken).header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    /// The database has been away for so long that no token can be believed.
    pub(crate) fn revocations_unknown() -> Self {
        Self::new(Code::Unavailable)
            .retry_after(STORE_RETRY)
            .cause(&AuthenticateError::RevocationsUnknown)
    }

    /// Says in words what is wrong with this request. MUST NOT repeat what the client sent.
    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says to the log, and to nobody else, what happened.
    #[must_use]
    fn cause(mut self, cause: &impl ToString) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// Says when to try again: in whole seconds, rounded up, at least one, so that waiting it out is enough.
    #[must_use]
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        let seconds = whole_seconds(wait).to_string();
        self.header(header::RETRY_AFTER, &seconds)
    }

    /// Says which limit was reached, in the fields of draft-ietf-httpapi-ratelimit-headers, and when to try again.
    #[must_use]
    pub(crate) fn rate_limit(self, name: &str, quota: u32, window: Duration, wait: Duration) -> Self {
        let policy = format!("\"{name}\";q={quota};w={}", whole_seconds(window));
        let state = format!("\"{name}\";r=0;t={}", whole_seconds(wait));
        self.header(HeaderName::from_static("ratelimit-policy"), &policy)
            .header(HeaderName::from_static("ratelimit"), &state)
            .retry_after(wait)
    }

    /// Its kind.
    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    /// What the log is told besides the code.
    pub(crate) fn log_cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The answer to the request of that id.
    pub(crate) fn render(&self, request_id: &str) -> (String, HeaderMap) {
        let body = ProblemBody {
            problem_type: format!("/problems/{}", self.code.as_str()),
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
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        // A struct of strings and numbers always serialises.
        (serde_json::to_string(&body).unwrap_or_default(), headers)
    }
}

/// Seconds rounded up, at least one.
pub(crate) fn whole_seconds(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
        .max(1)
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

    /// An empty answer that carries the problem: the outermost middleware, which knows the request's id, writes it out.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.code.status());
        response.extensions_mut().insert(self.clone());
        response
    }
}

#[cfg(test)]
mod tests {
    use doorward_application::{ChangePasswordError, LoginError, RefreshError, ViewUserError};
    use doorward_domain::store_error::StoreError;

    use super::*;

    #[test]
    fn waiting_is_told_in_whole_seconds_that_are_enough() {
        for (wait, told) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (29_500, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), told);
        }
    }

    #[test]
    fn an_outage_is_never_a_failed_login() {
        let outage = || StoreError::Unavailable("planted".to_owned());
        for problem in [
            Problem::from(LoginError::Store(outage())),
            Problem::from(RefreshError::Store(outage())),
            Problem::from(ChangePasswordError::Store(outage())),
            Problem::from(ViewUserError::Store(outage())),
        ] {
            assert_eq!(problem.code(), Code::Unavailable);
            assert!(problem.render("r").1.contains_key(header::RETRY_AFTER));
        }
    }

    #[test]
    fn the_cause_is_for_the_log_alone() {
        let problem = Problem::from(StoreError::Corrupt("users.email of row 7".to_owned()));
        let (body, _) = problem.render("the-request");
        assert!(!body.contains("users.email"));
        assert!(body.contains("the-request"));
        assert_eq!(
            problem.log_cause(),
            Some("the store holds something unreadable: users.email of row 7")
        );
    }
}
