//! How many connections there may be, and for how long one may hold on without asking for anything.
//!
//! The HTTP library bounds the head of the first request on a connection and how long an idle one is kept. It does not
//! bound the head of a later request, which a client can send a byte an hour, nor how slowly an answer is read. Both are
//! covered by one rule here: a connection on which no request has been under way for longer than a request may stay out is
//! closed from outside. What the kernel holds for a client that acknowledges nothing is bounded by a socket option.

use std::any::Any;
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use doorward_runtime::{ClientKey, client_key};
use rustix::net::{Shutdown, shutdown};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::metrics::ConnectionMetrics;
use crate::state::ServerState;

/// How often connections are checked.
const CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// How long what was sent may stay unacknowledged, or a client refuse to take more, before the kernel gives up. In
/// milliseconds.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNACKNOWLEDGED: u32 = 10_000;

/// The bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// How many there may be in all. More wait to be accepted.
    pub most: usize,
    /// How many one client may have: an IPv4 address, an IPv6 /64. More are closed at once. Trusted proxies, which speak for
    /// many, are not held to it.
    pub most_per_client: usize,
    /// How long an idle connection is kept for the next request.
    pub idle: Duration,
}

/// The connections that are open.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    most_per_client: usize,
    /// How long no request may have been under way.
    patience: Duration,
    state: Data<ServerState>,
    metrics: ConnectionMetrics,
    began: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last_number: u64,
    all: HashMap<u64, Arc<Connection>>,
    by_client: HashMap<ClientKey, usize>,
}

/// A connection, as far as it is watched.
pub(crate) struct Connection {
    /// The same socket as the server's, so that it can be shut down from outside.
    socket: OwnedFd,
    /// Since when no request has been under way, in milliseconds since the server began; `BUSY` while one is.
    quiet_since: AtomicU64,
}

const BUSY: u64 = u64::MAX;

/// Counts a connection until it ends.
pub(crate) struct ConnectionGuard {
    number: u64,
    client: ClientKey,
    connection: Arc<Connection>,
    connections: Connections,
}

/// A request on a connection, until this is dropped.
pub(crate) struct ActiveRequest {
    connection: Arc<Connection>,
    connections: Connections,
}

impl Connections {
    /// Watches connections, each of which may be without a request for `patience`.
    pub(crate) fn new(settings: ConnectionSettings, patience: Duration, state: Data<ServerState>) -> Self {
        Self(Arc::new(Shared {
            most_per_client: settings.most_per_client,
            patience,
            metrics: state.metrics.connections(),
            state,
            began: now(),
            open: Mutex::default(),
        }))
    }

    /// Takes a new connection in, or closes it.
    pub(crate) fn connected(&self, io: &dyn Any, data: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else {
            return;
        };
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED);
        if let Some(guard) = self.admit(stream) {
            data.insert(guard);
        } else {
            self.0.metrics.refused();
            let _ = shutdown(stream, Shutdown::Both);
        }
    }

    fn admit(&self, stream: &TcpStream) -> Option<ConnectionGuard> {
        let peer = stream.peer_addr().ok()?.ip().to_canonical();
        let client = (!self.0.state.addresses.is_trusted(peer)).then(|| client_key(peer));
        let connection = Arc::new(Connection {
            socket: stream.as_fd().try_clone_to_owned().ok()?,
            quiet_since: AtomicU64::new(self.clock()),
        });
        let mut open = self.lock();
        if client.is_some() {
            let count = open.by_client.entry(client).or_default();
            if *count >= self.0.most_per_client {
                return None;
            }
            *count += 1;
        }
        open.last_number += 1;
        let number = open.last_number;
        open.all.insert(number, Arc::clone(&connection));
        self.0.metrics.open(open.all.len());
        drop(open);
        Some(ConnectionGuard {
            number,
            client,
            connection,
            connections: self.clone(),
        })
    }

    /// Closes, at an interval, the connections that have had no request for too long.
    pub(crate) async fn close_idle_connections(self) {
        let mut interval = tokio::time::interval(CLOSE_INTERVAL);
        loop {
            interval.tick().await;
            self.close_overdue();
        }
    }

    fn close_overdue(&self) {
        let patience = u64::try_from(self.0.patience.as_millis()).unwrap_or(u64::MAX);
        let now = self.clock();
        for connection in self.lock().all.values() {
            let since = connection.quiet_since.load(Ordering::Relaxed);
            if since != BUSY && now.saturating_sub(since) > patience {
                // The server finds its end of the connection closed, and lets go of it.
                if shutdown(&connection.socket, Shutdown::Both).is_ok() {
                    self.0.metrics.overdue();
                }
                connection.quiet_since.store(BUSY, Ordering::Relaxed);
            }
        }
    }

    /// Milliseconds since the server began.
    fn clock(&self) -> u64 {
        u64::try_from(now().duration_since(self.0.began).as_millis()).unwrap_or(BUSY - 1)
    }

    /// Nothing panics while the lock is held, so a poisoned lock guards a sound table.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionGuard {
    /// A request begins; it ends with what is returned.
    pub(crate) fn begin_request(&self) -> ActiveRequest {
        self.connection.quiet_since.store(BUSY, Ordering::Relaxed);
        ActiveRequest {
            connection: Arc::clone(&self.connection),
            connections: self.connections.clone(),
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let now = self.connections.clock();
        self.connection.quiet_since.store(now, Ordering::Relaxed);
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        open.all.remove(&self.number);
        if let Some(count) = open.by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.by_client.remove(&self.client);
            }
        }
        self.connections.0.metrics.open(open.all.len());
    }
}

/// How many connections there can be: as many as are wanted, or as the system lets this process have beside `reserve` other
/// files. Raises the process's own limit as far as it may be raised.
pub(crate) fn affordable(wanted: usize, reserve: usize) -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    let files = limit
        .current
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    // Each connection is held twice: by the server, and here.
    let affordable = (files.saturating_sub(reserve) / 2).max(1);
    if affordable < wanted {
        tracing::warn!(
            wanted,
            affordable,
            "server.max_connections is more than the limit on open files allows"
        );
    }
    wanted.min(affordable)
}

#[expect(
    clippy::disallowed_methods,
    reason = "connections are timed by the machine's own clock: no policy of the domain reads it"
)]
fn now() -> Instant {
    Instant::now()
}
