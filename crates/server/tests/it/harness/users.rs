//! Test users, and the requests they make most.

use serde_json::{Value, json};

use crate::harness::client::{Client, Response};
use crate::harness::service::Service;

/// A password that satisfies the policy.
pub const PASSWORD: &str = "seven tame elderberries";

/// A user who is logged in.
#[derive(Clone)]
pub struct TestUser {
    /// The e-mail address.
    pub email: String,
    /// The user id.
    pub id: String,
    /// The latest response to a login or a refresh.
    pub pair: Value,
    client: Client,
}

impl TestUser {
    /// Logs in to an existing account.
    pub fn login(client: &Client, email: &str, password: &str) -> Self {
        let pair = login(client, email, password).ok(200);
        Self {
            email: email.to_owned(),
            id: text(&pair["user"]["id"]),
            client: client.with_token(&text(&pair["access_token"])),
            pair,
        }
    }

    /// A client with the user's access token.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The access token.
    pub fn access(&self) -> String {
        text(&self.pair["access_token"])
    }

    /// The refresh token.
    pub fn refresh_token(&self) -> String {
        text(&self.pair["refresh_token"])
    }

    /// The session id.
    pub fn session(&self) -> String {
        text(&self.pair["session_id"])
    }

    /// The path of the user in the API for administrators.
    pub fn path(&self) -> String {
        format!("/v1/users/{}", self.id)
    }

    /// Logs in again, which opens another session.
    pub fn login_again(&self) -> Self {
        Self::login(&self.client, &self.email, PASSWORD)
    }

    /// Sends a refresh with the current refresh token, and returns the response.
    pub fn try_refresh(&self) -> Response {
        refresh(&self.client, &self.refresh_token())
    }

    /// Refreshes, and continues with the new tokens.
    pub fn refresh(&mut self) {
        self.pair = self.try_refresh().ok(200);
        self.client = self.client.with_token(&self.access());
    }

    /// Logs out.
    pub fn logout(&self) {
        let body = json!({"refresh_token": self.refresh_token()});
        self.client.post("/v1/auth/logout", &body).is_empty(204);
    }
}

/// Sends a login.
pub fn login(client: &Client, email: &str, password: &str) -> Response {
    client.post("/v1/auth/login", &json!({"email": email, "password": password}))
}

/// Sends a refresh.
pub fn refresh(client: &Client, token: &str) -> Response {
    client.post("/v1/auth/refresh", &json!({"refresh_token": token}))
}

/// Registers an account.
pub fn register(client: &Client, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    client.post("/v1/auth/register", &body).ok(201)
}

/// A string in a response.
pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a string: {value}"))
        .to_owned()
}

impl Service {
    /// Creates the first administrator with the printed setup token.
    pub fn admin(&self) -> TestUser {
        let client = self.client();
        let body =
            json!({"setup_token": self.setup_token(), "email": "root@example.org", "password": PASSWORD});
        client.post("/v1/setup", &body).ok(201);
        TestUser::login(&client, "root@example.org", PASSWORD)
    }

    /// Registers a user and logs in.
    pub fn new_user(&self, name: &str) -> TestUser {
        let email = format!("{name}@example.org");
        register(&self.client(), &email);
        TestUser::login(&self.client(), &email, PASSWORD)
    }
}
