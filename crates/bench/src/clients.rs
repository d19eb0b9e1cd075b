//! The clients: the requests of each figure.

use crate::BenchResult;
use crate::http;
use crate::load::{Client, unexpected};

/// Sends the same requests in turn, again and again.
pub(crate) struct RepeatClient {
    what: &'static str,
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl RepeatClient {
    fn new(what: &'static str, requests: Vec<Vec<u8>>) -> Self {
        Self {
            what,
            requests,
            next: 0,
        }
    }

    pub(crate) fn me(access_token: &str) -> Self {
        let authorization = format!("authorization: Bearer {access_token}\r\n");
        Self::new("me", vec![http::get("/v1/auth/me", &authorization)])
    }

    pub(crate) fn jwks() -> Self {
        Self::new("jwks", vec![http::get("/.well-known/jwks.json", "")])
    }

    /// For the constant server.
    pub(crate) fn constant() -> Self {
        Self::new("the constant", vec![http::get("/constant", "")])
    }

    /// Logs in to each of these accounts in turn.
    pub(crate) fn login(emails: &[String], password: &str) -> Self {
        let request = |email: &String| {
            let body = format!("{{\"email\":\"{email}\",\"password\":\"{password}\"}}");
            http::post("/v1/auth/login", &body)
        };
        Self::new("login", emails.iter().map(request).collect())
    }
}

impl Client for RepeatClient {
    fn request(&mut self) -> Option<&[u8]> {
        let request = self.requests.get(self.next % self.requests.len().max(1));
        self.next += 1;
        request.map(Vec::as_slice)
    }

    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()> {
        if status == 200 {
            return Ok(());
        }
        Err(unexpected(self.what, status, body))
    }
}

/// Logs in like the client within, and also accepts 503.
pub(crate) struct FloodClient {
    inner: RepeatClient,
    /// The number of 503 responses.
    pub(crate) rejected: u64,
}

impl FloodClient {
    pub(crate) const fn new(inner: RepeatClient) -> Self {
        Self { inner, rejected: 0 }
    }
}

impl Client for FloodClient {
    fn request(&mut self) -> Option<&[u8]> {
        self.inner.request()
    }

    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()> {
        if status == 503 {
            self.rejected += 1;
            return Ok(());
        }
        self.inner.handle_response(status, body)
    }
}

/// Registers one account after the other.
pub(crate) struct RegisterClient {
    name: String,
    password: String,
    made: u32,
    request: Vec<u8>,
}

impl RegisterClient {
    /// `name` must be unique within the run.
    pub(crate) fn new(name: String, password: &str) -> Self {
        Self {
            name,
            password: password.to_owned(),
            made: 0,
            request: Vec::new(),
        }
    }
}

impl Client for RegisterClient {
    fn request(&mut self) -> Option<&[u8]> {
        self.made += 1;
        let (name, made, password) = (&self.name, self.made, &self.password);
        let body = format!("{{\"email\":\"{name}-{made}@bench.example\",\"password\":\"{password}\"}}");
        self.request = http::post("/v1/auth/register", &body);
        Some(&self.request)
    }

    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()> {
        if status == 201 {
            return Ok(());
        }
        Err(unexpected("register", status, body))
    }
}

/// Refreshes one session, each time with the token of the previous response.
pub(crate) struct RefreshClient {
    request: Vec<u8>,
    /// The latest access token.
    pub(crate) access_token: String,
}

impl RefreshClient {
    pub(crate) fn new(refresh_token: &str) -> Self {
        Self {
            request: Self::request_with(refresh_token),
            access_token: String::new(),
        }
    }

    fn request_with(refresh_token: &str) -> Vec<u8> {
        http::post(
            "/v1/auth/refresh",
            &format!("{{\"refresh_token\":\"{refresh_token}\"}}"),
        )
    }
}

impl Client for RefreshClient {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()> {
        let refresh_token = http::member(body, "refresh_token").filter(|_| status == 200);
        let access_token = http::member(body, "access_token");
        let (Some(refresh_token), Some(access_token)) = (refresh_token, access_token) else {
            return Err(unexpected("refresh", status, body));
        };
        self.request = Self::request_with(refresh_token);
        access_token.clone_into(&mut self.access_token);
        Ok(())
    }
}

/// Ends one session after the other.
pub(crate) struct LogoutClient {
    /// The tokens of the sessions that have not ended.
    refresh_tokens: Vec<String>,
    request: Vec<u8>,
}

impl LogoutClient {
    pub(crate) fn new(refresh_tokens: Vec<String>) -> Self {
        Self {
            refresh_tokens,
            request: Vec::new(),
        }
    }
}

impl Client for LogoutClient {
    fn request(&mut self) -> Option<&[u8]> {
        let token = self.refresh_tokens.pop()?;
        self.request = http::post("/v1/auth/logout", &format!("{{\"refresh_token\":\"{token}\"}}"));
        Some(&self.request)
    }

    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()> {
        if status == 204 {
            return Ok(());
        }
        Err(unexpected("logout", status, body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refresh_client_sends_the_token_of_the_previous_response() {
        let mut client = RefreshClient::new("dwr_1");
        assert!(
            client
                .request()
                .unwrap()
                .ends_with(b"{\"refresh_token\":\"dwr_1\"}")
        );
        let response = br#"{"access_token":"a.b.c","refresh_token":"dwr_2"}"#;
        client.handle_response(200, response).unwrap();
        assert!(
            client
                .request()
                .unwrap()
                .ends_with(b"{\"refresh_token\":\"dwr_2\"}")
        );
        assert_eq!(client.access_token, "a.b.c");
        assert!(client.handle_response(401, response).is_err());
    }

    #[test]
    fn the_logout_client_stops_when_every_session_has_ended() {
        let mut client = LogoutClient::new(vec!["dwr_1".to_owned()]);
        assert!(client.request().is_some());
        assert!(client.request().is_none());
    }

    #[test]
    fn requests_are_sent_in_turn() {
        let mut client = RepeatClient::login(&["a@b.example".to_owned(), "c@b.example".to_owned()], "secret");
        let first = client.request().unwrap().to_vec();
        assert_ne!(client.request().unwrap(), first);
        assert_eq!(client.request().unwrap(), first);
    }

    #[test]
    fn each_registration_has_a_new_address() {
        let mut client = RegisterClient::new("one".to_owned(), "a long password");
        let first = client.request().unwrap().to_vec();
        assert_ne!(client.request().unwrap(), first);
    }

    #[test]
    fn a_flood_client_accepts_503_and_no_other_error() {
        let mut client = FloodClient::new(RepeatClient::login(&["a@b.example".to_owned()], "secret"));
        assert!(client.handle_response(200, b"").is_ok());
        assert!(client.handle_response(503, b"").is_ok());
        assert!(client.handle_response(401, b"").is_err());
        assert_eq!(client.rejected, 1);
    }
}
