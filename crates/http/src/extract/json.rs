//! Strict JSON bodies.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::edge::MAX_BODY;
use crate::error::{Rejection, RejectionKind};

/// Timeout for the body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A JSON body of type `T`. Rejects a wrong content type, a body that is too large or too slow, unknown members (if `T`
/// does), duplicate members, and U+0000 anywhere, which PostgreSQL cannot store.
pub struct StrictJson<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for StrictJson<T> {
    type Error = Rejection;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Rejection>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_acceptable = check_head(request.headers());
        let room = expected_length(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            is_acceptable?;
            let body = tokio::time::timeout(BODY_TIMEOUT, read(payload, room))
                .await
                .map_err(|_elapsed| Rejection::new(RejectionKind::RequestTimeout))??;
            parse(&body).map(Self)
        })
    }
}

/// Checks the headers, before the body is read.
fn check_head(headers: &HeaderMap) -> Result<(), Rejection> {
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value != "identity");
    if encoded || !is_json(headers) {
        return Err(Rejection::new(RejectionKind::UnsupportedMediaType));
    }
    Ok(())
}

/// Whether there is one `Content-Type` and it is JSON, without parameters except `charset=utf-8`.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json && parts.all(|parameter| parameter.replace('"', "").eq_ignore_ascii_case("charset=utf-8"))
}

/// The capacity to allocate for the body: its declared length, at most [`MAX_BODY`].
fn expected_length(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    length.map_or(MAX_BODY, |length: usize| length.min(MAX_BODY))
}

/// Reads the body into a buffer of `room` bytes, which is wiped on drop because it may contain a password or a token. With
/// enough capacity the buffer never moves, which would leave a copy behind.
async fn read(mut payload: Payload, room: usize) -> Result<Zeroizing<Vec<u8>>, Rejection> {
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk
            .map_err(|_broken| Rejection::malformed("the body is incomplete or its framing is invalid"))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Rejection::new(RejectionKind::PayloadTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    if has_nul(body) {
        return Err(Rejection::malformed("a string contains U+0000"));
    }
    // Serde accepts an array in place of an object, with its elements as the members in declaration order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Rejection::malformed("the body is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| Rejection::malformed(describe(&error)))
}

/// Describes a parse error without repeating the body, which may contain a password.
fn describe(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let message = error.to_string();
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => format!("not JSON at {place}"),
        // In these messages the member name is from the schema; in all others it is from the client.
        Category::Data if message.starts_with("missing field") || message.starts_with("duplicate field") => {
            message
        }
        Category::Data if message.starts_with("unknown field") => format!("an unknown member at {place}"),
        Category::Data => match message.rsplit_once("expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => format!("an invalid member at {place}"),
        },
    }
}

/// Whether a string of the JSON text contains U+0000 as an escape; a raw control character is not valid JSON.
fn has_nul(json: &[u8]) -> bool {
    const ESCAPE: &[u8] = b"\\u0000";
    let backslashes_before = |start| {
        let before = json.iter().take(start).rev();
        before.take_while(|byte| **byte == b'\\').count()
    };
    // Backslashes are counted only before an escape, so that a body full of backslashes is not expensive.
    json.windows(ESCAPE.len())
        .enumerate()
        .any(|(start, window)| window == ESCAPE && backslashes_before(start) % 2 == 0)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        email: String,
        #[expect(dead_code, reason = "only parsed")]
        name: Option<String>,
    }

    fn rejection(body: &str) -> String {
        let rejection = parse::<Body>(body.as_bytes()).expect_err(body);
        assert_eq!(rejection.kind, RejectionKind::MalformedRequest, "{body}");
        format!("{rejection:?}")
    }

    #[test]
    fn a_body_that_does_not_match_the_schema_exactly_is_rejected() {
        for body in [
            "",
            "{",
            "null",
            "[]",
            "[\"a\",null]",
            "\"a\"",
            "{}",
            "{\"email\":null}",
            "{\"email\":1}",
            "{\"email\":[\"a\"]}",
            "{\"email\":\"a\",\"email\":\"b\"}",
            "{\"email\":\"a\",\"role\":\"admin\"}",
            "{\"email\":\"a\"} x",
            "{\"email\":\"\\ud800\"}",
            "{\"email\":\"a\\u0000\"}",
            "{\"email\":\"a\",}",
        ] {
            rejection(body);
        }
        let deep = format!("{{\"email\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        rejection(&deep);
        assert!(parse::<Body>(b"{\"email\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_not_a_nul_escape() {
        assert_eq!(
            parse::<Body>(br#"{"email":"a\\u0000"}"#).unwrap().email,
            r"a\u0000"
        );
        rejection(r#"{"email":"a\\\u0000"}"#);
    }

    #[test]
    fn an_error_message_does_not_repeat_the_body() {
        for body in [
            "{\"email\":\"a\",\"hunter2\":1}",
            "{\"email\":{\"hunter2\":1}}",
            "hunter2",
            "{\"email\":\"a\",\"name\":[\"hunter2\"]}",
            "\"hunter2\"",
        ] {
            assert!(!rejection(body).contains("hunter2"), "{body}");
        }
        assert!(rejection("{}").contains("missing field `email`"));
    }

    #[test]
    fn only_the_json_content_type_is_accepted() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=latin1", false),
            ("application/jsonx", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_json(&headers), expected, "{value:?}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
