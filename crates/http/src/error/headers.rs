use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The headers of an error response, besides those that every response has.
#[derive(Debug, Clone, Default)]
pub struct ErrorHeaders(Vec<(HeaderName, HeaderValue)>);

impl ErrorHeaders {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header, if `value` can be the value of one.
    pub fn add(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.push((name, value));
        }
    }

    /// Adds `Retry-After`: in whole seconds, rounded up, at least one, so that waiting it out is enough.
    pub fn add_retry_after(&mut self, wait: Duration) {
        self.add(header::RETRY_AFTER, &whole_seconds(wait).to_string());
    }

    /// Adds which limit was reached, in the fields of draft-ietf-httpapi-ratelimit-headers, and when to try again.
    pub fn add_rate_limit(&mut self, name: &str, quota: u32, window: Duration, wait: Duration) {
        let policy = format!("\"{name}\";q={quota};w={}", whole_seconds(window));
        let state = format!("\"{name}\";r=0;t={}", whole_seconds(wait));
        self.add(HeaderName::from_static("ratelimit-policy"), &policy);
        self.add(HeaderName::from_static("ratelimit"), &state);
        self.add_retry_after(wait);
    }

    /// Appends them to the headers of a response.
    pub fn append_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.append(name.clone(), value.clone());
        }
    }
}

/// Seconds rounded up, at least one.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs()
        .saturating_add(u64::from(span.subsec_nanos() > 0))
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_in_whole_seconds_that_are_enough() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (29_500, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
        }
    }
}
