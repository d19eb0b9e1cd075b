//! A client that performs random operations and records them with their outcomes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use crate::harness::client::{Client, Response};
use crate::harness::measure::{Micros, Random};
use crate::harness::users::{PASSWORD, text};

use super::cluster::{Cluster, Incarnation};
use super::history::{ClientOperation, Record};

/// The tokens of one generation.
#[derive(Clone)]
pub struct Tokens {
    pub refresh: String,
    pub access: String,
}

/// A session and the tokens returned for it, oldest first.
pub struct HeldSession {
    pub id: String,
    pub user: usize,
    tokens: Mutex<Vec<Tokens>>,
    /// Whether a client has learned that it has ended. From then on clients only try to revive it.
    over: AtomicBool,
}

impl HeldSession {
    pub fn tokens(&self) -> Vec<Tokens> {
        self.tokens.lock().unwrap().clone()
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn latest(&self) -> Tokens {
        self.tokens.lock().unwrap().last().unwrap().clone()
    }

    /// The tokens of `back` generations ago, or the first ones.
    fn earlier(&self, back: usize) -> Tokens {
        let tokens = self.tokens.lock().unwrap();
        tokens[tokens.len().saturating_sub(1 + back)].clone()
    }

    fn add_tokens(&self, tokens: Tokens) {
        let mut known = self.tokens.lock().unwrap();
        if known.iter().all(|known| known.refresh != tokens.refresh) {
            known.push(tokens);
        }
    }
}

/// What the clients of a round share.
pub struct Round<'w> {
    pub cluster: &'w Cluster,
    /// The e-mail addresses of the users.
    pub users: Vec<String>,
    /// Every session, and whether only one client uses it.
    pub sessions: Mutex<Vec<(Arc<HeldSession>, bool)>>,
    pub until: Micros,
}

/// A client that performs random operations.
pub struct RandomClient<'r> {
    round: &'r Round<'r>,
    random: Random,
    user: usize,
    own: Option<Arc<HeldSession>>,
    connections: Vec<Option<(SocketAddr, Client)>>,
    pub records: Vec<Record>,
}

impl<'r> RandomClient<'r> {
    pub fn new(round: &'r Round<'r>, number: usize, random: Random) -> Self {
        Self {
            round,
            random,
            user: number % round.users.len(),
            own: None,
            connections: vec![None; round.cluster.size()],
            records: Vec::new(),
        }
    }

    /// Performs random operations until the round ends.
    pub fn run(&mut self) {
        while self.round.cluster.stopwatch.read() < self.round.until {
            match self.own.take() {
                Some(own) if !own.is_over() => {
                    self.own = Some(Arc::clone(&own));
                    if self.random.below(100) < 65 {
                        self.use_own_session(&own);
                    } else {
                        self.use_shared_session();
                    }
                }
                _ => self.own = self.login(self.user, true),
            }
        }
    }

    /// An operation of the only client of a session.
    fn use_own_session(&mut self, own: &HeldSession) {
        match self.random.below(100) {
            0..35 => self.refresh(own, 0),
            // As if the response had been lost: the same token again.
            35..47 => {
                self.refresh(own, 0);
                self.refresh(own, 1);
            }
            47..57 => self.refresh_twice_at_once(own),
            57..95 => self.me(own, 0),
            95..98 => self.logout(own),
            _ => self.delete(own, own),
        }
    }

    /// An operation on a session that several clients use, or that has ended.
    fn use_shared_session(&mut self) {
        let pick = {
            let sessions = self.round.sessions.lock().unwrap();
            let candidates: Vec<_> = (0..4)
                .map(|_| self.random.one_of(&sessions).clone())
                .filter(|(held, owned)| !*owned || held.is_over())
                .collect();
            candidates.first().cloned()
        };
        let Some((held, _)) = pick else {
            self.login(self.user, false);
            return;
        };
        match self.random.below(100) {
            0..10 => drop(self.login(self.user, false)),
            10..32 => self.refresh(&held, 0),
            32..42 => self.refresh(&held, 1),
            42..45 => self.refresh(&held, 2),
            45..50 => self.refresh_twice_at_once(&held),
            50..83 => {
                let back = self.random.below(3);
                self.me(&held, back);
            }
            83..89 => self.logout(&held),
            89..95 => {
                // Another session of the same user, by its id.
                let target = self.sibling(&held);
                self.delete(&held, &target);
            }
            _ => self.logout_all(&held),
        }
    }

    fn sibling(&mut self, held: &Arc<HeldSession>) -> Arc<HeldSession> {
        let sessions = self.round.sessions.lock().unwrap();
        let siblings: Vec<_> = sessions
            .iter()
            .filter(|(other, _)| other.user == held.user)
            .collect();
        Arc::clone(&self.random.one_of(&siblings).0)
    }

    pub fn login(&mut self, user: usize, owned: bool) -> Option<Arc<HeldSession>> {
        let body = json!({"email": self.round.users[user], "password": PASSWORD});
        let (response, record) = self.ask(user, None, ClientOperation::Login, |client| {
            post(client, "/v1/auth/login", &body)
        });
        let mut record = record;
        let held = response
            .filter(|response| response.status == 200)
            .map(|response| {
                let pair = response.ok(200);
                let id = text(&pair["session_id"]);
                record.session = Some(id.clone());
                record.successor = Some(text(&pair["refresh_token"]));
                let tokens = vec![Tokens {
                    refresh: text(&pair["refresh_token"]),
                    access: text(&pair["access_token"]),
                }];
                Arc::new(HeldSession {
                    id,
                    user,
                    tokens: Mutex::new(tokens),
                    over: AtomicBool::new(false),
                })
            });
        self.records.push(record);
        if let Some(held) = &held {
            let mut sessions = self.round.sessions.lock().unwrap();
            sessions.push((Arc::clone(held), owned));
        }
        held
    }

    /// Presents the refresh token of `back` generations ago.
    pub fn refresh(&mut self, held: &HeldSession, back: usize) {
        let token = held.earlier(back).refresh;
        self.present(held, token);
    }

    fn present(&mut self, held: &HeldSession, token: String) {
        let body = json!({"refresh_token": token});
        let (response, mut record) =
            self.ask(held.user, Some(held), ClientOperation::Refresh(token), |client| {
                post(client, "/v1/auth/refresh", &body)
            });
        if let Some(response) = response {
            if response.status == 200 {
                let pair = response.ok(200);
                assert_eq!(pair["session_id"], held.id.as_str());
                let tokens = Tokens {
                    refresh: text(&pair["refresh_token"]),
                    access: text(&pair["access_token"]),
                };
                record.successor = Some(tokens.refresh.clone());
                held.add_tokens(tokens);
            } else if response.status == 401 {
                response.problem(401, "invalid-refresh-token");
                held.over.store(true, Ordering::Relaxed);
            }
        }
        self.records.push(record);
    }

    /// Two concurrent refreshes with the same token, as by two tabs.
    fn refresh_twice_at_once(&mut self, held: &HeldSession) {
        let token = held.latest().refresh;
        let mut tab = RandomClient::new(self.round, self.user, Random::new(self.random.seed()));
        thread::scope(|scope| {
            scope.spawn(|| tab.present(held, token.clone()));
            self.present(held, token.clone());
        });
        self.records.append(&mut tab.records);
    }

    fn me(&mut self, held: &HeldSession, back: usize) {
        let access = held.earlier(back).access;
        let (_, record) = self.ask(held.user, Some(held), ClientOperation::Me, |client| {
            client.with_token(&access).try_send("GET", "/v1/auth/me", None)
        });
        self.records.push(record);
    }

    /// Presents an access token to this instance, if it serves.
    pub fn me_on(&mut self, instance: usize, held: &HeldSession, access: &str) {
        let get = |client: &Client| client.with_token(access).try_send("GET", "/v1/auth/me", None);
        if let Some(incarnation) = self.round.cluster.serving(instance) {
            let invoked = self.round.cluster.stopwatch.read();
            let (_, record) = self.ask_of(
                (instance, incarnation),
                invoked,
                (held.user, Some(held)),
                ClientOperation::Me,
                get,
            );
            self.records.push(record);
        }
    }

    fn logout(&mut self, held: &HeldSession) {
        let body = json!({"refresh_token": held.latest().refresh});
        let (_, record) = self.ask(held.user, Some(held), ClientOperation::Logout, |client| {
            post(client, "/v1/auth/logout", &body)
        });
        held.over.store(true, Ordering::Relaxed);
        self.records.push(record);
    }

    fn logout_all(&mut self, held: &HeldSession) {
        let access = held.latest().access;
        let (response, record) = self.ask(held.user, Some(held), ClientOperation::LogoutAll, |client| {
            client
                .with_token(&access)
                .try_send("POST", "/v1/auth/logout-all", None)
        });
        if response.is_some_and(|response| response.status == 204) {
            held.over.store(true, Ordering::Relaxed);
        }
        self.records.push(record);
    }

    fn delete(&mut self, held: &HeldSession, target: &HeldSession) {
        let access = held.latest().access;
        let path = format!("/v1/account/sessions/{}", target.id);
        let (response, record) = self.ask(
            held.user,
            Some(held),
            ClientOperation::Delete(target.id.clone()),
            |client| client.with_token(&access).try_send("DELETE", &path, None),
        );
        if response.is_some_and(|response| response.status == 204) {
            target.over.store(true, Ordering::Relaxed);
        }
        self.records.push(record);
    }

    fn ask(
        &mut self,
        user: usize,
        held: Option<&HeldSession>,
        operation: ClientOperation,
        send: impl FnOnce(&Client) -> Result<Response, ureq::Error>,
    ) -> (Option<Response>, Record) {
        // Read before the instance is chosen, which may be killed in between.
        let invoked = self.round.cluster.stopwatch.read();
        let whom = self.round.cluster.any_serving(&mut self.random);
        self.ask_of(whom, invoked, (user, held), operation, send)
    }

    fn ask_of(
        &mut self,
        (instance, incarnation): (usize, Incarnation),
        invoked: Micros,
        (user, held): (usize, Option<&HeldSession>),
        operation: ClientOperation,
        send: impl FnOnce(&Client) -> Result<Response, ureq::Error>,
    ) -> (Option<Response>, Record) {
        let connection = &mut self.connections[instance];
        let client = match connection {
            Some((address, client)) if *address == incarnation.address => client,
            other => {
                &mut other
                    .insert((incarnation.address, Client::new(incarnation.address)))
                    .1
            }
        };
        let response = send(client).ok();
        let record = Record {
            instance,
            started_at: incarnation.started_at,
            user,
            session: held.map(|held| held.id.clone()),
            operation,
            status: response.as_ref().map(|response| response.status),
            successor: None,
            invoked,
            returned: self.round.cluster.stopwatch.read(),
        };
        (response, record)
    }
}

fn post(client: &Client, path: &str, body: &serde_json::Value) -> Result<Response, ureq::Error> {
    client.with_header("content-type", "application/json").try_send(
        "POST",
        path,
        Some(body.to_string().into_bytes()),
    )
}
