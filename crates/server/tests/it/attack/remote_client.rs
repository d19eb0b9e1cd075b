//! Clients at addresses of their own.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::harness::client::Response;
use crate::harness::measure::Random;
use crate::harness::raw;

/// A client that opens a connection for every request, from any loopback address.
#[derive(Clone, Copy)]
pub struct RemoteClient {
    pub from: Ipv4Addr,
    to: SocketAddr,
}

impl RemoteClient {
    /// A client at this address.
    pub fn at(from: [u8; 4], to: SocketAddr) -> Self {
        Self {
            from: from.into(),
            to,
        }
    }

    /// A client at a random address in 127.1.0.0 to 127.199.255.255.
    pub fn at_random_address(random: &mut Random, to: SocketAddr) -> Self {
        let mut octet = |bound| u8::try_from(1 + random.below(bound)).unwrap();
        Self::at([127, octet(199), octet(254), octet(254)], to)
    }

    pub fn connect(&self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((self.from, 0)).into()).unwrap();
        socket.connect(&self.to.into()).unwrap();
        socket.into()
    }

    /// Sends these bytes, and returns the response, if there is one.
    pub fn raw(&self, request: &[u8]) -> Option<Response> {
        raw::ask(self.connect(), request)
    }

    /// Sends a request with these complete header lines.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: Option<&Value>) -> Response {
        let request = request(method, path, headers, body);
        let response = self.raw(request.as_bytes());
        let response = response.unwrap_or_else(|| panic!("no response to {method} {path}"));
        response.assert_well_formed();
        response
    }

    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.ask("POST", path, &[], Some(body))
    }

    /// Sends a login.
    pub fn login(&self, email: &str, password: &str) -> Response {
        let body = json!({"email": email, "password": password});
        self.post("/v1/auth/login", &body)
    }

    /// Registers an account.
    pub fn register(&self, email: &str, password: &str) -> Response {
        let body = json!({"email": email, "password": password});
        self.post("/v1/auth/register", &body)
    }

    /// Requests the identity of an access token.
    pub fn me(&self, token: &str) -> Response {
        self.ask(
            "GET",
            "/v1/auth/me",
            &[&format!("Authorization: Bearer {token}")],
            None,
        )
    }

    /// Sends a refresh.
    pub fn refresh(&self, token: &str) -> Response {
        self.post("/v1/auth/refresh", &json!({"refresh_token": token}))
    }
}

/// A complete request.
pub fn request(method: &str, path: &str, headers: &[&str], body: Option<&Value>) -> String {
    let mut lines = vec![
        format!("{method} {path} HTTP/1.1"),
        "Host: localhost".to_owned(),
        "User-Agent: doorward-tests".to_owned(),
        "Connection: close".to_owned(),
    ];
    lines.extend(headers.iter().map(|&line| line.to_owned()));
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        lines.push("Content-Type: application/json".to_owned());
        lines.push(format!("Content-Length: {}", body.len()));
    }
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// Runs `act` for each number below `count` on `at_once` threads. The results are ordered by number.
pub fn run_concurrently<T: Send>(at_once: usize, count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, act(number)));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
