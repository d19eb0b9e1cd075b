//! A client of the API that does not follow redirects, and checks what every response has to satisfy.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// How long a response may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A client of one listener.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client of the listener at this address.
    pub fn new(address: SocketAddr) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .max_response_header_size(256 * 1024)
            .user_agent("doorward-tests")
            .allow_non_standard_methods(true)
            .build()
            .into();
        Self {
            agent,
            base: format!("http://{address}"),
            token: None,
            headers: Vec::new(),
        }
    }

    /// A copy that sends this access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    /// A copy that sends one more header.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// Sends a GET request.
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.json("POST", path, body)
    }

    /// Posts an empty body.
    pub fn post_empty(&self, path: &str) -> Response {
        self.send("POST", path, None)
    }

    /// Sends a DELETE request.
    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }

    /// Sends JSON with this method.
    pub fn json(&self, method: &str, path: &str, body: &Value) -> Response {
        self.with_header("content-type", "application/json").send(
            method,
            path,
            Some(body.to_string().into_bytes()),
        )
    }

    /// Sends a request, and panics if there is no response.
    pub fn send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Response {
        self.try_send(method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a request to a service that may be unavailable.
    pub fn try_send(&self, method: &str, path: &str, body: Option<Vec<u8>>) -> Result<Response, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body).unwrap())?,
            None => self.agent.run(request.body(()).unwrap())?,
        };
        let (head, mut body) = response.into_parts();
        let response = Response {
            request_line: format!("{method} {path}"),
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.read_to_vec()?,
        };
        response.assert_well_formed();
        Ok(response)
    }
}

/// A response with any status.
pub struct Response {
    request_line: String,
    /// Its status.
    pub status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Response {
    /// A response that was not received through a [`Client`].
    pub fn new(request_line: &str, status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self {
            request_line: request_line.to_owned(),
            status,
            headers,
            body,
        }
    }

    /// The value of a header, which must occur at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        assert!(self.headers.get_all(name).iter().count() <= 1, "{self:?}");
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The names of its headers.
    pub fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.keys().map(ureq::http::HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Its body as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// Its body as JSON.
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of `Retry-After`, in seconds.
    pub fn retry_after(&self) -> u64 {
        let seconds = self.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds >= 1, "{self:?}");
        seconds
    }

    /// Asserts the status, and returns the JSON body.
    pub fn ok(&self, status: u16) -> Value {
        self.is(status);
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        self.body()
    }

    /// Asserts the status.
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Asserts the status and an empty body.
    pub fn is_empty(&self, status: u16) {
        self.is(status);
        assert!(self.body.is_empty(), "{self:?}");
    }

    /// Asserts the status and the problem code, and returns the JSON body.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        self.is(status);
        let body = self.body();
        assert_eq!(body["code"], code, "{self:?}");
        body
    }

    /// Asserts that the response is a problem with a 4xx status.
    pub fn is_refused(&self) {
        assert!((400..500).contains(&self.status), "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
    }

    /// Asserts what holds for every response: security headers, request id, and the form of a problem for errors.
    pub fn assert_well_formed(&self) {
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{self:?}");
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"), "{self:?}");
        let policy = self
            .header("content-security-policy")
            .unwrap_or_else(|| panic!("{self:?}"));
        assert!(policy.starts_with("default-src 'none'; "), "{self:?}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{self:?}");
        assert!(self.header("cache-control").is_some(), "{self:?}");
        let server = self.header("server");
        assert!(server.is_none_or(|name| name.starts_with("nginx/")), "{self:?}");
        let request_id = self.header("x-request-id").unwrap_or_else(|| panic!("{self:?}"));
        assert!(!request_id.is_empty());
        let is_health = self.request_line.contains(" /health/");
        let is_head = self.request_line.starts_with("HEAD ");
        if self.status >= 400 && !is_health && !is_head {
            self.assert_problem(request_id);
        }
    }

    fn assert_problem(&self, request_id: &str) {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        let body = self.body();
        let members = body.as_object().unwrap();
        for name in members.keys() {
            let known = [
                "type",
                "title",
                "status",
                "detail",
                "code",
                "request_id",
                "errors",
            ];
            assert!(known.contains(&name.as_str()), "{self:?}");
        }
        let code = body["code"].as_str().unwrap();
        assert_eq!(body["type"], format!("/problems/{code}"), "{self:?}");
        assert_eq!(body["status"], self.status, "{self:?}");
        assert_eq!(body["request_id"], request_id, "{self:?}");
        assert!(!body["title"].as_str().unwrap().is_empty(), "{self:?}");
        assert_eq!(body.get("errors").is_some(), code == "validation", "{self:?}");
        if self.status == 401 && code.ends_with("-token") && code != "invalid-refresh-token" {
            let challenge = match code {
                "missing-token" => "Bearer",
                _ => "Bearer error=\"invalid_token\"",
            };
            assert_eq!(self.header("www-authenticate"), Some(challenge), "{self:?}");
        }
        if self.status == 401 {
            let challenge = self.header("www-authenticate");
            assert!(
                challenge.is_some_and(|challenge| challenge.starts_with("Bearer")),
                "{self:?}"
            );
        }
        if code == "forbidden" {
            let challenge = Some("Bearer error=\"insufficient_scope\"");
            assert_eq!(self.header("www-authenticate"), challenge, "{self:?}");
        }
        if code == "method-not-allowed" {
            assert!(self.header("allow").is_some(), "{self:?}");
        }
        if [429, 503].contains(&self.status) {
            assert!(self.retry_after() >= 1);
        }
        if self.status == 429 {
            assert!(self.header("ratelimit").is_some(), "{self:?}");
            assert!(self.header("ratelimit-policy").is_some(), "{self:?}");
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(2000).collect();
        write!(
            f,
            "{}: {} {:?} {body}",
            self.request_line, self.status, self.headers
        )
    }
}
