//! A client that does random things, and remembers what it did and what came of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use crate::client::{Answer, Client};
use crate::measure::{Dice, Micros};
use crate::people::{PASSWORD, text};

use super::history::{Deed, Record};
use super::world::{Incarnation, World};

/// The tokens of one generation.
#[derive(Clone)]
pub struct Tokens {
    pub refresh: String,
    pub access: String,
}

/// A session that was opened, and the tokens that were handed out, oldest first.
pub struct Held {
    pub id: String,
    pub user: usize,
    tokens: Mutex<Vec<Tokens>>,
    /// Whether somebody was told that it is over: there is no use in going on with it, only in trying to revive it.
    over: AtomicBool,
}

impl Held {
    pub fn tokens(&self) -> Vec<Tokens> {
        self.tokens.lock().unwrap().clone()
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn latest(&self) -> Tokens {
        self.tokens.lock().unwrap().last().unwrap().clone()
    }

    /// The tokens of `back` generations ago, or the first.
    fn earlier(&self, back: usize) -> Tokens {
        let tokens = self.tokens.lock().unwrap();
        tokens[tokens.len().saturating_sub(1 + back)].clone()
    }

    fn learn(&self, tokens: Tokens) {
        let mut known = self.tokens.lock().unwrap();
        if known.iter().all(|known| known.refresh != tokens.refresh) {
            known.push(tokens);
        }
    }
}

/// What the clients of a round share.
pub struct Round<'w> {
    pub world: &'w World,
    /// The addresses of the users.
    pub users: Vec<String>,
    /// Every session, and whether only one client goes on with it.
    pub sessions: Mutex<Vec<(Arc<Held>, bool)>>,
    pub until: Micros,
}

/// A client.
pub struct Actor<'r> {
    round: &'r Round<'r>,
    dice: Dice,
    user: usize,
    own: Option<Arc<Held>>,
    connections: Vec<Option<(SocketAddr, Client)>>,
    pub records: Vec<Record>,
}

impl<'r> Actor<'r> {
    pub fn new(round: &'r Round<'r>, number: usize, dice: Dice) -> Self {
        Self {
            round,
            dice,
            user: number % round.users.len(),
            own: None,
            connections: vec![None; round.world.size()],
            records: Vec::new(),
        }
    }

    /// Does random things until the round ends.
    pub fn act(&mut self) {
        while self.round.world.watch.read() < self.round.until {
            match self.own.take() {
                Some(own) if !own.is_over() => {
                    self.own = Some(Arc::clone(&own));
                    if self.dice.below(100) < 65 {
                        self.go_on(&own);
                    } else {
                        self.meddle();
                    }
                }
                _ => self.own = self.login(self.user, true),
            }
        }
    }

    /// What the one client of a session does.
    fn go_on(&mut self, own: &Held) {
        match self.dice.below(100) {
            0..35 => self.refresh(own, 0),
            // The answer was lost: the same again.
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

    /// What is done to a session that others have too, or that is over.
    fn meddle(&mut self) {
        let pick = {
            let sessions = self.round.sessions.lock().unwrap();
            let candidates: Vec<_> = (0..4)
                .map(|_| self.dice.one_of(&sessions).clone())
                .filter(|(held, owned)| !*owned || held.is_over())
                .collect();
            candidates.first().cloned()
        };
        let Some((held, _)) = pick else {
            self.login(self.user, false);
            return;
        };
        match self.dice.below(100) {
            0..10 => drop(self.login(self.user, false)),
            10..32 => self.refresh(&held, 0),
            32..42 => self.refresh(&held, 1),
            42..45 => self.refresh(&held, 2),
            45..50 => self.refresh_twice_at_once(&held),
            50..83 => {
                let back = self.dice.below(3);
                self.me(&held, back);
            }
            83..89 => self.logout(&held),
            89..95 => {
                // Somebody's session, by its id, from another of the same user.
                let target = self.sibling(&held);
                self.delete(&held, &target);
            }
            _ => self.logout_all(&held),
        }
    }

    fn sibling(&mut self, held: &Arc<Held>) -> Arc<Held> {
        let sessions = self.round.sessions.lock().unwrap();
        let siblings: Vec<_> = sessions
            .iter()
            .filter(|(other, _)| other.user == held.user)
            .collect();
        Arc::clone(&self.dice.one_of(&siblings).0)
    }

    pub fn login(&mut self, user: usize, owned: bool) -> Option<Arc<Held>> {
        let body = json!({"email": self.round.users[user], "password": PASSWORD});
        let (answer, record) = self.ask(user, None, Deed::Login, |client| {
            post(client, "/v1/auth/login", &body)
        });
        let mut record = record;
        let held = answer.filter(|answer| answer.status == 200).map(|answer| {
            let pair = answer.ok(200);
            let id = text(&pair["session_id"]);
            record.session = Some(id.clone());
            record.successor = Some(text(&pair["refresh_token"]));
            let tokens = vec![Tokens {
                refresh: text(&pair["refresh_token"]),
                access: text(&pair["access_token"]),
            }];
            Arc::new(Held {
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
    pub fn refresh(&mut self, held: &Held, back: usize) {
        let token = held.earlier(back).refresh;
        self.present(held, token);
    }

    fn present(&mut self, held: &Held, token: String) {
        let body = json!({"refresh_token": token});
        let (answer, mut record) = self.ask(held.user, Some(held), Deed::Refresh(token), |client| {
            post(client, "/v1/auth/refresh", &body)
        });
        if let Some(answer) = answer {
            if answer.status == 200 {
                let pair = answer.ok(200);
                assert_eq!(pair["session_id"], held.id.as_str());
                let tokens = Tokens {
                    refresh: text(&pair["refresh_token"]),
                    access: text(&pair["access_token"]),
                };
                record.successor = Some(tokens.refresh.clone());
                held.learn(tokens);
            } else if answer.status == 401 {
                answer.problem(401, "invalid-refresh-token");
                held.over.store(true, Ordering::Relaxed);
            }
        }
        self.records.push(record);
    }

    /// Two tabs, with one token, at the same time.
    fn refresh_twice_at_once(&mut self, held: &Held) {
        let token = held.latest().refresh;
        let mut tab = Actor::new(self.round, self.user, Dice::new(self.dice.seed()));
        thread::scope(|scope| {
            scope.spawn(|| tab.present(held, token.clone()));
            self.present(held, token.clone());
        });
        self.records.append(&mut tab.records);
    }

    fn me(&mut self, held: &Held, back: usize) {
        let access = held.earlier(back).access;
        let (_, record) = self.ask(held.user, Some(held), Deed::Me, |client| {
            client.bearing(&access).try_send("GET", "/v1/auth/me", None)
        });
        self.records.push(record);
    }

    /// Presents an access token to this very instance, when it serves.
    pub fn me_on(&mut self, instance: usize, held: &Held, access: &str) {
        let get = |client: &Client| client.bearing(access).try_send("GET", "/v1/auth/me", None);
        if let Some(incarnation) = self.round.world.serving(instance) {
            let invoked = self.round.world.watch.read();
            let (_, record) = self.ask_of(
                (instance, incarnation),
                invoked,
                (held.user, Some(held)),
                Deed::Me,
                get,
            );
            self.records.push(record);
        }
    }

    fn logout(&mut self, held: &Held) {
        let body = json!({"refresh_token": held.latest().refresh});
        let (_, record) = self.ask(held.user, Some(held), Deed::Logout, |client| {
            post(client, "/v1/auth/logout", &body)
        });
        held.over.store(true, Ordering::Relaxed);
        self.records.push(record);
    }

    fn logout_all(&mut self, held: &Held) {
        let access = held.latest().access;
        let (answer, record) = self.ask(held.user, Some(held), Deed::LogoutAll, |client| {
            client
                .bearing(&access)
                .try_send("POST", "/v1/auth/logout-all", None)
        });
        if answer.is_some_and(|answer| answer.status == 204) {
            held.over.store(true, Ordering::Relaxed);
        }
        self.records.push(record);
    }

    fn delete(&mut self, held: &Held, target: &Held) {
        let access = held.latest().access;
        let path = format!("/v1/account/sessions/{}", target.id);
        let (answer, record) = self.ask(held.user, Some(held), Deed::Delete(target.id.clone()), |client| {
            client.bearing(&access).try_send("DELETE", &path, None)
        });
        if answer.is_some_and(|answer| answer.status == 204) {
            target.over.store(true, Ordering::Relaxed);
        }
        self.records.push(record);
    }

    fn ask(
        &mut self,
        user: usize,
        held: Option<&Held>,
        deed: Deed,
        send: impl FnOnce(&Client) -> Result<Answer, ureq::Error>,
    ) -> (Option<Answer>, Record) {
        // Before it is looked up who is asked, who may be killed between this and that.
        let invoked = self.round.world.watch.read();
        let whom = self.round.world.any_serving(&mut self.dice);
        self.ask_of(whom, invoked, (user, held), deed, send)
    }

    fn ask_of(
        &mut self,
        (instance, incarnation): (usize, Incarnation),
        invoked: Micros,
        (user, held): (usize, Option<&Held>),
        deed: Deed,
        send: impl FnOnce(&Client) -> Result<Answer, ureq::Error>,
    ) -> (Option<Answer>, Record) {
        let connection = &mut self.connections[instance];
        let client = match connection {
            Some((address, client)) if *address == incarnation.address => client,
            other => {
                &mut other
                    .insert((incarnation.address, Client::new(incarnation.address)))
                    .1
            }
        };
        let answer = send(client).ok();
        let record = Record {
            instance,
            born: incarnation.born,
            user,
            session: held.map(|held| held.id.clone()),
            deed,
            status: answer.as_ref().map(|answer| answer.status),
            successor: None,
            invoked,
            returned: self.round.world.watch.read(),
        };
        (answer, record)
    }
}

fn post(client: &Client, path: &str, body: &serde_json::Value) -> Result<Answer, ureq::Error> {
    client.with("content-type", "application/json").try_send(
        "POST",
        path,
        Some(body.to_string().into_bytes()),
    )
}
