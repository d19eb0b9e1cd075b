//! Limits on the number of connections and on the time a connection may be without a request.
//!
//! actix-web limits the time for the head of the first request on a connection and the keep-alive time. It does not limit
//! the time for the head of a later request, which a client could send one byte an hour, nor how slowly a response is read.
//! One rule covers both: a connection without an active request for longer than [`Connections::new`]'s `max_idle` is shut
//! down. A socket option limits how long the kernel retains data that the client does not acknowledge.

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

/// Interval of the check for idle connections.
const CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// `TCP_USER_TIMEOUT` in milliseconds: how long sent data may stay unacknowledged, or the client's window closed, before the
/// kernel aborts the connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_USER_TIMEOUT: u32 = 10_000;

/// The limits on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// The limit for all clients together. Further connections wait to be accepted.
    pub most: usize,
    /// The limit for one client (an IPv4 address, an IPv6 /64). Further connections are closed on accept. Trusted proxies
    /// are exempt, because they forward many clients.
    pub most_per_client: usize,
    /// The keep-alive time.
    pub idle: Duration,
}

/// The open connections of the public listener. Clones share them.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    most_per_client: usize,
    /// How long a connection may be without an active request.
    max_idle: Duration,
    state: Data<ServerState>,
    metrics: ConnectionMetrics,
    started_at: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last_number: u64,
    all: HashMap<u64, Arc<Connection>>,
    by_client: HashMap<ClientKey, usize>,
}

/// A connection and its activity.
pub(crate) struct Connection {
    /// A duplicate of the server's socket, to shut it down from outside.
    socket: OwnedFd,
    /// Since when there has been no active request, in milliseconds since the server started; `BUSY` while there is one.
    idle_since: AtomicU64,
}

const BUSY: u64 = u64::MAX;

/// Counts a connection until this is dropped.
pub(crate) struct ConnectionGuard {
    number: u64,
    client: ClientKey,
    connection: Arc<Connection>,
    connections: Connections,
}

/// Marks a request on a connection as active until this is dropped.
pub(crate) struct ActiveRequest {
    connection: Arc<Connection>,
    connections: Connections,
}

impl Connections {
    /// `max_idle` is how long a connection may be without an active request.
    pub(crate) fn new(settings: ConnectionSettings, max_idle: Duration, state: Data<ServerState>) -> Self {
        Self(Arc::new(Shared {
            most_per_client: settings.most_per_client,
            max_idle,
            metrics: state.metrics.connections(),
            state,
            started_at: now(),
            open: Mutex::default(),
        }))
    }

    /// Admits a new connection, or closes it if its client has too many.
    pub(crate) fn connected(&self, io: &dyn Any, data: &mut Extensions) {
        let Some(stream) = io.downcast_ref::<TcpStream>() else {
            return;
        };
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, TCP_USER_TIMEOUT);
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
            idle_since: AtomicU64::new(self.clock()),
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

    /// Periodically closes connections that have been idle for too long. Never returns.
    pub(crate) async fn close_idle_connections(self) {
        let mut interval = tokio::time::interval(CLOSE_INTERVAL);
        loop {
            interval.tick().await;
            self.close_idle();
        }
    }

    fn close_idle(&self) {
        let max_idle = u64::try_from(self.0.max_idle.as_millis()).unwrap_or(u64::MAX);
        let now = self.clock();
        for connection in self.lock().all.values() {
            let since = connection.idle_since.load(Ordering::Relaxed);
            if since != BUSY && now.saturating_sub(since) > max_idle {
                // actix-web notices the closed socket and drops the connection.
                if shutdown(&connection.socket, Shutdown::Both).is_ok() {
                    self.0.metrics.overdue();
                }
                connection.idle_since.store(BUSY, Ordering::Relaxed);
            }
        }
    }

    /// Milliseconds since the server started.
    fn clock(&self) -> u64 {
        u64::try_from(now().duration_since(self.0.started_at).as_millis()).unwrap_or(BUSY - 1)
    }

    /// Nothing panics while the lock is held, so a poisoned lock guards a consistent table.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionGuard {
    /// Marks the connection as busy until the returned guard is dropped.
    pub(crate) fn begin_request(&self) -> ActiveRequest {
        self.connection.idle_since.store(BUSY, Ordering::Relaxed);
        ActiveRequest {
            connection: Arc::clone(&self.connection),
            connections: self.connections.clone(),
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let now = self.connections.clock();
        self.connection.idle_since.store(now, Ordering::Relaxed);
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

/// Returns how many connections are possible, at most `wanted`: limited by the process's limit on open files, of which
/// `reserve` are for other purposes. Raises the soft limit to the hard limit first.
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
    // Each connection has two file descriptors: the server's and the duplicate here.
    let affordable = (files.saturating_sub(reserve) / 2).max(1);
    if affordable < wanted {
        tracing::warn!(
            wanted,
            affordable,
            "server.max_connections exceeds the limit on open files; using the largest possible number"
        );
    }
    wanted.min(affordable)
}

#[expect(
    clippy::disallowed_methods,
    reason = "connections are timed by the monotonic clock; no domain policy depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
