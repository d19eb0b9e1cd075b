use actix_web::http::header::{self, HeaderMap};

use crate::error::{Rejection, RejectionKind};

/// Returns the access token of a request, which must be in the header (RFC 6750, section 2.1).
///
/// No token, or credentials of another scheme, is [`RejectionKind::MissingToken`]; a header that does not have the form of
/// RFC 6750 is [`RejectionKind::MalformedRequest`].
pub(super) fn bearer_token(headers: &HeaderMap) -> Result<&str, Rejection> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else {
        return Err(missing());
    };
    if values.next().is_some() {
        return Err(malformed("there is more than one Authorization header"));
    }
    let value = str::from_utf8(value.as_bytes())
        .ok()
        .filter(|value| value.is_ascii())
        .ok_or_else(|| malformed("the Authorization header is not ASCII"))?;
    let (scheme, token) = value
        .split_once(' ')
        .ok_or_else(|| malformed("the Authorization header has no credentials"))?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || !is_token68(token) {
        return Err(malformed("what follows `Bearer` is not a token"));
    }
    Ok(token)
}

/// Whether a text consists of the characters of a bearer token (RFC 6750, section 2.1: `b64token`).
fn is_token68(text: &str) -> bool {
    // A table, without an early exit: a token has hundreds of characters, and nearly all are valid.
    text.bytes().fold(true, |valid, byte| {
        valid & TOKEN68.get(usize::from(byte)).is_some_and(|valid| *valid)
    })
}

/// Whether each byte is such a character.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, and every byte is an index"
)]
const TOKEN68: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    loop {
        table[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

fn missing() -> Rejection {
    Rejection::new(RejectionKind::MissingToken).header(header::WWW_AUTHENTICATE, "Bearer")
}

fn malformed(detail: &str) -> Rejection {
    Rejection::malformed(detail).header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_request\"")
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn parse(values: &[&str]) -> Result<String, RejectionKind> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        bearer_token(&headers)
            .map(str::to_owned)
            .map_err(|rejection| rejection.kind)
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        assert_eq!(parse(&["bEARER a.b-c_d~+/="]), Ok("a.b-c_d~+/=".to_owned()));
        assert_eq!(parse(&["Bearer  abc "]), Ok("abc".to_owned()));
    }

    #[test]
    fn a_missing_token_and_a_malformed_header_are_different_errors() {
        assert_eq!(parse(&[]), Err(RejectionKind::MissingToken));
        assert_eq!(parse(&["Basic YTpi"]), Err(RejectionKind::MissingToken));
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"a\"",
            "abc",
        ] {
            assert_eq!(parse(&[value]), Err(RejectionKind::MalformedRequest), "{value:?}");
        }
        assert_eq!(
            parse(&["Bearer a", "Bearer a"]),
            Err(RejectionKind::MalformedRequest)
        );
    }
}
