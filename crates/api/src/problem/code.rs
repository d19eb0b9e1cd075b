//! Every code a problem can have, with what its page says.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($variant:ident = $word:literal, $status:ident, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        /// What went wrong, as a client's program knows it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($variant,)*
        }

        impl Code {
            /// Every code.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it stands in answers and in the address of its page.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The status it is answered with.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// A few words for a person.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// What it means.
            pub(crate) const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// What to do about it.
            pub(crate) const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed-request", BAD_REQUEST, "The request is malformed",
        "The request could not be read: its body is not JSON, a member is missing, unknown, given twice or of the wrong type, \
         a parameter cannot be understood, or the Authorization header is not in the form of RFC 6750.",
        "Correct the request; `detail` says where it could not be read. Sending it again unchanged does not help.";
    InvalidCredentials = "invalid-credentials", UNAUTHORIZED, "Wrong e-mail address or password",
        "The address is unknown, the password is wrong, or the account may not be used. Which of them it is, is not told.",
        "Check both and try again. After some failures the account has to be left alone for a while.";
    MissingToken = "missing-token", UNAUTHORIZED, "An access token is needed",
        "This route is for whoever has logged in, and the request has no access token.",
        "Log in, and send the access token in the header `Authorization: Bearer …`.";
    InvalidToken = "invalid-token", UNAUTHORIZED, "The access token is not valid",
        "The access token has expired, was not issued by this server, or is not true any more: its session has ended, or the \
         user's roles or status have changed.",
        "Refresh once and send the request again with the new access token; if the refresh is refused, log in.";
    InvalidRefreshToken = "invalid-refresh-token", UNAUTHORIZED, "The refresh token is not valid",
        "The refresh token is unknown or expired, its session has ended, or it had been used before. Which of them it is, is \
         not told.",
        "Log in again.";
    Forbidden = "forbidden", FORBIDDEN, "The permission is missing",
        "The access token is valid, but none of the user's roles allows this.",
        "Ask an administrator for the role. It takes effect with the next refresh.";
    SetupClosed = "setup-closed", FORBIDDEN, "The setup token is wrong, or setup is closed",
        "The first administrator is made once, with the setup token that the server printed at its first start or was \
         configured with. Either the token is not that one, or there has been an administrator already.",
        "Check the token. If it was lost, `doorward setup-token` makes another; if there is an administrator, log in as one.";
    NotFound = "not-found", NOT_FOUND, "There is no such thing",
        "Nothing is at this address, or not any more.",
        "Check the path: it is case-sensitive and has no trailing slash.";
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "The method is not allowed here",
        "There is something at this address, but not for this method.",
        "Use one of the methods in the `Allow` header.";
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, "The request took too long",
        "The request did not arrive within the time allowed, or could not be answered in it.",
        "Send it again, without pauses.";
    EmailTaken = "email-taken", CONFLICT, "The e-mail address is taken",
        "There is an account with this address already.",
        "Log in, or use another address.";
    LastAdmin = "last-admin", CONFLICT, "This is the last active administrator",
        "The change would leave no active administrator, and nobody could administer this server.",
        "Make another administrator first.";
    PayloadTooLarge = "payload-too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "The body has more than 16 KiB. No request of this API needs as much.",
        "Send less.";
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is not JSON",
        "The body's `Content-Type` is not `application/json`, or it has a `Content-Encoding`.",
        "Send JSON with the header `Content-Type: application/json`, unencoded.";
    Validation = "validation", UNPROCESSABLE_ENTITY, "The request breaks rules",
        "The request was understood, but some of what it asks for is not allowed. Each entry of `errors` names a place (an \
         RFC 6901 JSON pointer into the body), the rule, and the rule in words.",
        "Correct the places named.";
    TooManyAttempts = "too-many-attempts", TOO_MANY_REQUESTS, "Too many failed attempts at this account",
        "There have been too many failed attempts at this account, from wherever they came. The password was not looked at.",
        "Wait as long as `Retry-After` says. An administrator can unlock the account.";
    RateLimited = "rate-limited", TOO_MANY_REQUESTS, "Too many requests from this address",
        "There have been too many requests from the client's address (IPv6: its /64 network).",
        "Wait as long as `Retry-After` says, and send fewer.";
    HeadersTooLarge = "headers-too-large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large",
        "The headers have more than 32 KiB in all.",
        "Send fewer or shorter headers.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "A fault of this server",
        "Something went wrong that should not. What it was is in the server's log, under the `request_id` of the answer.",
        "Tell the operator the `request_id`.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too much to do",
        "More work is waiting than can be done in useful time. The request was not begun; a login refused in this way does not \
         count as an attempt.",
        "Wait as long as `Retry-After` says and send it again.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The database is away",
        "The database does not answer. No session is lost by it, and no login has failed.",
        "Wait as long as `Retry-After` says and send the request again.";
}

impl Code {
    /// The code of that word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_word_of_its_own_and_an_error_status() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }
}
