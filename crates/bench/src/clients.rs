//! The clients: what each figure asks of the server.

use crate::Outcome;
use crate::http;
use crate::load::{Client, unexpected};

/// Asks what it has to ask, again and again in turn.
pub(crate) struct Asking {
    what: &'static str,
    requests: Vec<Vec<u8>>,
    next: usize,
}

impl Asking {
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

    /// Of the server that has one answer.
    pub(crate) fn constant() -> Self {
        Self::new("the constant", vec![http::get("/constant", "")])
    }

    /// Logs in as each of these.
    pub(crate) fn login(emails: &[String], password: &str) -> Self {
        let request = |email: &String| {
            let body = format!("{{\"email\":\"{email}\",\"password\":\"{password}\"}}");
            http::post("/v1/auth/login", &body)
        };
        Self::new("login", emails.iter().map(request).collect())
    }
}

impl Client for Asking {
    fn request(&mut self) -> Option<&[u8]> {
        let request = self.requests.get(self.next % self.requests.len().max(1));
        self.next += 1;
        request.map(Vec::as_slice)
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()> {
        if status == 200 {
            return Ok(());
        }
        Err(unexpected(self.what, status, body))
    }
}

/// Logs in, and does not mind being told that there are too many who do.
pub(crate) struct Storming {
    asking: Asking,
    /// How often it was told so.
    pub(crate) refused: u64,
}

impl Storming {
    pub(crate) const fn new(asking: Asking) -> Self {
        Self { asking, refused: 0 }
    }
}

impl Client for Storming {
    fn request(&mut self) -> Option<&[u8]> {
        self.asking.request()
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()> {
        if status == 503 {
            self.refused += 1;
            return Ok(());
        }
        self.asking.answered(status, body)
    }
}

/// Registers one account after the other.
pub(crate) struct Registering {
    name: String,
    password: String,
    made: u32,
    request: Vec<u8>,
}

impl Registering {
    /// `name` is unlike that of any other client of the run.
    pub(crate) fn new(name: String, password: &str) -> Self {
        Self {
            name,
            password: password.to_owned(),
            made: 0,
            request: Vec::new(),
        }
    }
}

impl Client for Registering {
    fn request(&mut self) -> Option<&[u8]> {
        self.made += 1;
        let (name, made, password) = (&self.name, self.made, &self.password);
        let body = format!("{{\"email\":\"{name}-{made}@bench.example\",\"password\":\"{password}\"}}");
        self.request = http::post("/v1/auth/register", &body);
        Some(&self.request)
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()> {
        if status == 201 {
            return Ok(());
        }
        Err(unexpected("register", status, body))
    }
}

/// Refreshes one session, each time with the token that the last answer brought.
pub(crate) struct Refreshing {
    request: Vec<u8>,
    /// The latest access token.
    pub(crate) access_token: String,
}

impl Refreshing {
    pub(crate) fn new(refresh_token: &str) -> Self {
        Self {
            request: Self::ask_with(refresh_token),
            access_token: String::new(),
        }
    }

    fn ask_with(refresh_token: &str) -> Vec<u8> {
        http::post(
            "/v1/auth/refresh",
            &format!("{{\"refresh_token\":\"{refresh_token}\"}}"),
        )
    }
}

impl Client for Refreshing {
    fn request(&mut self) -> Option<&[u8]> {
        Some(&self.request)
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()> {
        let refresh_token = http::member(body, "refresh_token").filter(|_| status == 200);
        let access_token = http::member(body, "access_token");
        let (Some(refresh_token), Some(access_token)) = (refresh_token, access_token) else {
            return Err(unexpected("refresh", status, body));
        };
        self.request = Self::ask_with(refresh_token);
        access_token.clone_into(&mut self.access_token);
        Ok(())
    }
}

/// Ends one session after the other.
pub(crate) struct LoggingOut {
    /// Those that are still open.
    refresh_tokens: Vec<String>,
    request: Vec<u8>,
}

impl LoggingOut {
    pub(crate) fn new(refresh_tokens: Vec<String>) -> Self {
        Self {
            refresh_tokens,
            request: Vec::new(),
        }
    }
}

impl Client for LoggingOut {
    fn request(&mut self) -> Option<&[u8]> {
        let token = self.refresh_tokens.pop()?;
        self.request = http::post("/v1/auth/logout", &format!("{{\"refresh_token\":\"{token}\"}}"));
        Some(&self.request)
    }

    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()> {
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
    fn a_refresh_goes_on_with_the_token_it_was_given() {
        let mut client = Refreshing::new("dwr_1");
        assert!(
            client
                .request()
                .unwrap()
                .ends_with(b"{\"refresh_token\":\"dwr_1\"}")
        );
        let answer = br#"{"access_token":"a.b.c","refresh_token":"dwr_2"}"#;
        client.answered(200, answer).unwrap();
        assert!(
            client
                .request()
                .unwrap()
                .ends_with(b"{\"refresh_token\":\"dwr_2\"}")
        );
        assert_eq!(client.access_token, "a.b.c");
        assert!(client.answered(401, answer).is_err());
    }

    #[test]
    fn whoever_logs_out_stops_when_every_session_has_ended() {
        let mut client = LoggingOut::new(vec!["dwr_1".to_owned()]);
        assert!(client.request().is_some());
        assert!(client.request().is_none());
    }

    #[test]
    fn requests_take_turns() {
        let mut client = Asking::login(&["a@b.example".to_owned(), "c@b.example".to_owned()], "secret");
        let first = client.request().unwrap().to_vec();
        assert_ne!(client.request().unwrap(), first);
        assert_eq!(client.request().unwrap(), first);
    }

    #[test]
    fn accounts_are_registered_once() {
        let mut client = Registering::new("one".to_owned(), "a long password");
        let first = client.request().unwrap().to_vec();
        assert_ne!(client.request().unwrap(), first);
    }

    #[test]
    fn a_storm_minds_only_what_is_not_about_itself() {
        let mut client = Storming::new(Asking::login(&["a@b.example".to_owned()], "secret"));
        assert!(client.answered(200, b"").is_ok());
        assert!(client.answered(503, b"").is_ok());
        assert!(client.answered(401, b"").is_err());
        assert_eq!(client.refused, 1);
    }
}
