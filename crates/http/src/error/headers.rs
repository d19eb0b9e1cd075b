use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

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

/// Rounds up to whole seconds, at least one.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (29_500, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
        }
    }
}
