//! Bodies: JSON, strictly.

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

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that is a `T` in JSON: with the right content type, of bounded size, arriving in bounded time, every member
/// known and given once, no U+0000 anywhere (PostgreSQL cannot keep one, so nothing may).
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

/// Refuses by the head alone what need not be read.
fn check_head(headers: &HeaderMap) -> Result<(), Rejection> {
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value != "identity");
    if encoded || !is_json(headers) {
        return Err(Rejection::new(RejectionKind::UnsupportedMediaType));
    }
    Ok(())
}

/// Whether the one content type is JSON, with no parameter but `charset=utf-8`.
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

/// How long the body will be, at most.
fn expected_length(headers: &HeaderMap) -> usize {
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    length.map_or(MAX_BODY, |length: usize| length.min(MAX_BODY))
}

/// Reads a body of so many bytes. It may hold a password or a token: it is wiped when it has been parsed, and it never moves
/// before that, which would leave a copy behind.
async fn read(mut payload: Payload, room: usize) -> Result<Zeroizing<Vec<u8>>, Rejection> {
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    while let Some(chunk) = payload.next().await {
        let chunk =
            chunk.map_err(|_broken| Rejection::malformed("the body broke off or is framed wrongly"))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(Rejection::new(RejectionKind::PayloadTooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Rejection> {
    if has_nul(body) {
        return Err(Rejection::malformed("there is a U+0000 in a string"));
    }
    // Serde would take a list in the place of an object: its entries for the members, in the order of their declaration.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Rejection::malformed("the body is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| Rejection::malformed(describe(&error)))
}

/// What is wrong with a body, in words that repeat none of it: it may hold a password.
fn describe(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    let message = error.to_string();
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => format!("not JSON at {place}"),
        // Names of members after these words are our own; after all others they are the client's.
        Category::Data if message.starts_with("missing field") || message.starts_with("duplicate field") => {
            message
        }
        Category::Data if message.starts_with("unknown field") => format!("an unknown member at {place}"),
        Category::Data => match message.rsplit_once("expected ") {
            Some((_, expected)) => format!("expected {expected}"),
            None => format!("a member that cannot be understood at {place}"),
        },
    }
}

/// Whether a string of the JSON text holds a U+0000: as an escape, since raw control characters are not JSON.
fn has_nul(json: &[u8]) -> bool {
    const ESCAPE: &[u8] = b"\\u0000";
    let backslashes_before = |start| {
        let before = json.iter().take(start).rev();
        before.take_while(|byte| **byte == b'\\').count()
    };
    // Backslashes are counted only where an escape ends their run: a body of nothing else costs no more than another.
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

    fn refusal(body: &str) -> String {
        let rejection = parse::<Body>(body.as_bytes()).expect_err(body);
        assert_eq!(rejection.kind, RejectionKind::MalformedRequest, "{body}");
        format!("{rejection:?}")
    }

    #[test]
    fn what_is_not_exactly_the_body_is_refused() {
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
            refusal(body);
        }
        let deep = format!("{{\"email\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        refusal(&deep);
        assert!(parse::<Body>(b"{\"email\":\"\xff\"}").is_err());
    }

    #[test]
    fn an_escaped_backslash_before_u0000_is_no_nul() {
        assert_eq!(
            parse::<Body>(br#"{"email":"a\\u0000"}"#).unwrap().email,
            r"a\u0000"
        );
        refusal(r#"{"email":"a\\\u0000"}"#);
    }

    #[test]
    fn an_answer_repeats_nothing_of_the_body() {
        for body in [
            "{\"email\":\"a\",\"hunter2\":1}",
            "{\"email\":{\"hunter2\":1}}",
            "hunter2",
            "{\"email\":\"a\",\"name\":[\"hunter2\"]}",
            "\"hunter2\"",
        ] {
            assert!(!refusal(body).contains("hunter2"), "{body}");
        }
        assert!(refusal("{}").contains("missing field `email`"));
    }

    #[test]
    fn only_json_is_json() {
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
