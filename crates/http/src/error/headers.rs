use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use doorward_domain::time::whole_seconds;

/// The headers of an error response, besides those that every response has.
#[derive(Debug, Clone, Default)]
pub struct ErrorHeaders(Vec<(HeaderName, HeaderValue)>);

impl ErrorHeaders {
    /// No headers.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header. An invalid value is dropped.
    pub fn add(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.push((name, value));
        }
    }

    /// Adds `Retry-After` in whole seconds, rounded up and at least one.
    pub fn add_retry_after(&mut self, wait: Duration) {
        self.add(header::RETRY_AFTER, &whole_seconds(wait).to_string());
    }

    /// Adds `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) and `Retry-After`.
    pub fn add_rate_limit(&mut self, name: &str, quota: u32, window: Duration, wait: Duration) {
        let policy = format!("\"{name}\";q={quota};w={}", whole_seconds(window));
        let state = format!("\"{name}\";r=0;t={}", whole_seconds(wait));
        self.add(HeaderName::from_static("ratelimit-policy"), &policy);
        self.add(HeaderName::from_static("ratelimit"), &state);
        self.add_retry_after(wait);
    }

    /// Appends the headers to those of a response.
    pub fn append_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.append(name.clone(), value.clone());
        }
    }
}
