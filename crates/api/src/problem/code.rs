//! The problem types: code, status, title, meaning and remedy of each.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        /// The type of a problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($variant,)*
        }

        impl Code {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code in response bodies and in the URL of the problem page.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The summary in response bodies, for people.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What has happened, for the problem page.
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What the client can do about it, for the problem page.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed-request", BAD_REQUEST, "Malformed request",
        "The request could not be parsed: the body is not valid JSON, a member is missing, unknown, duplicated or of the wrong \
         type, a parameter is invalid, or the Authorization header does not have the form of RFC 6750.",
        "Correct the request; `detail` describes the error. Repeating the request unchanged does not help.";
    InvalidCredentials = "invalid-credentials", UNAUTHORIZED, "Invalid credentials",
        "The e-mail address is unknown, the password is wrong, or the account is disabled. The response does not reveal which.",
        "Check the address and the password and try again. Repeated failures lock the account for a while.";
    MissingToken = "missing-token", UNAUTHORIZED, "Access token required",
        "The endpoint requires authentication, and the request has no access token.",
        "Log in, and send the access token in the header `Authorization: Bearer …`.";
    InvalidToken = "invalid-token", UNAUTHORIZED, "Invalid access token",
        "The access token is expired, was not issued by this server, or is revoked: its session has ended, or the user's roles \
         or status have changed.",
        "Refresh the session once and repeat the request with the new access token. If the refresh fails, log in.";
    InvalidRefreshToken = "invalid-refresh-token", UNAUTHORIZED, "Invalid refresh token",
        "The refresh token is unknown, expired or already used, or its session has ended. The response does not reveal which.",
        "Log in again.";
    Forbidden = "forbidden", FORBIDDEN, "Permission denied",
        "The access token is valid, but none of the user's roles has the required permission.",
        "Ask an administrator for the role. It takes effect with the next refresh.";
    SetupClosed = "setup-closed", FORBIDDEN, "Setup not allowed",
        "The first administrator is created once, with the setup token that the server printed at its first start or that is \
         configured. Either the token is wrong, or an administrator exists already.",
        "Check the token. If it is lost, `doorward setup-token` issues a new one. If an administrator exists, log in as one.";
    FeatureDisabled = "feature-disabled", FORBIDDEN, "Feature disabled",
        "The server is configured not to offer this. If registration is closed, only administrators create accounts.",
        "Ask an administrator for an account.";
    NotFound = "not-found", NOT_FOUND, "Not found",
        "The resource does not exist, or no longer exists.",
        "Check the path: it is case-sensitive and has no trailing slash.";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "Method not allowed",
        "The resource does not support the method of the request.",
        "Use one of the methods in the `Allow` header.";
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, "Request timeout",
        "The request did not arrive, or could not be processed, within the time limit.",
        "Repeat the request, and send it without pauses.";
    EmailTaken = "email-taken", CONFLICT, "E-mail address already in use",
        "Another account has this e-mail address.",
        "Log in, or use another address.";
    LastAdmin = "last-admin", CONFLICT, "Last administrator",
        "The change would leave the server without an active administrator.",
        "Make another user an administrator first.";
    PayloadTooLarge = "payload-too-large", PAYLOAD_TOO_LARGE, "Payload too large",
        "The body is larger than 16 KiB, the limit of every request of this API.",
        "Send a smaller body.";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "Unsupported media type",
        "The body's `Content-Type` is not `application/json`, or the body has a `Content-Encoding`.",
        "Send JSON with the header `Content-Type: application/json`, without an encoding.";
    Validation = "validation", UNPROCESSABLE_ENTITY, "Validation failed",
        "The request is well-formed, but some of its values are not allowed. Each entry of `errors` has the location (an \
         RFC 6901 JSON pointer into the body), the code of the rule and its description.",
        "Correct the values listed in `errors`.";
    TooManyAttempts = "too-many-attempts", TOO_MANY_REQUESTS, "Too many failed attempts",
        "There were too many failed attempts on this account, from any address. The password was not checked.",
        "Wait for the time in `Retry-After`. An administrator can unlock the account.";
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "Too many requests",
        "The client's address (IPv6: its /64, /56 or /48 network) has exceeded its rate limit.",
        "Wait for the time in `Retry-After`, and send fewer requests.";
    HeadersTooLarge = "headers-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "Request headers too large",
        "The headers are larger than 32 KiB in total.",
        "Send fewer or shorter headers.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Internal server error",
        "An unexpected error occurred. The server's log has the cause under the `request_id` of the response.",
        "Report the `request_id` to the operator.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Overloaded",
        "More requests are queued than the server can process in time. The request was not processed; a login rejected this \
         way does not count as an attempt.",
        "Wait for the time in `Retry-After` and repeat the request.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Database unavailable",
        "The database does not respond. Sessions are not affected, and the request does not count as a failed login.",
        "Wait for the time in `Retry-After` and repeat the request.";
}

impl Code {
    /// The inverse of [`Code::as_str`].
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_has_an_error_status() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
