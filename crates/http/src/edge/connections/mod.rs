//! Limits on the connections of a listener: how many there are, how long each may be without a request, and how much memory
//! it may use.
//!
//! actix-web limits the time for the head of the first request on a connection and the keep-alive time. It does not limit
//! the time for the head of a later request, which a client could send one byte an hour, nor how slowly a response is read.
//! One rule covers both: a connection without an active request for longer than [`Connections::new`]'s `max_idle` is shut
//! down, unless it keeps taking [`PROGRESS`] bytes of a response within that time.
//!
//! When almost as many connections are open as there may be, idle ones are closed, so that no client can keep others out by
//! holding connections.

mod eviction;
mod head_filter;
mod open_files;
mod stream;
mod table;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use futures_util::task::AtomicWaker;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};
use rustix::net::{Shutdown, shutdown};

use crate::metrics::ConnectionMetrics;
use crate::state::ServerState;

pub(crate) use open_files::affordable;
pub(crate) use stream::ClientStream;
use table::{Client, Open};

/// Interval of the check for idle connections.
const CLOSE_INTERVAL: Duration = Duration::from_secs(1);

/// `TCP_USER_TIMEOUT` in milliseconds: how long sent data may stay unacknowledged, or the client's window closed, before the
/// kernel aborts the connection.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_USER_TIMEOUT: u32 = 10_000;

/// The size of the kernel's buffers for a connection, each way, in bytes. Without a limit, a response that nobody reads uses
/// megabytes. (Linux reserves twice as much, for its own structures.)
const SOCKET_BUFFER: usize = 64 * 1024;

/// How many bytes of a response a client must take for its connection not to be idle.
const PROGRESS: u64 = 32 * 1024;

/// How many complete requests are read ahead of the one that is processed.
const MAX_AHEAD: u64 = 4;

/// The limits on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// The limit for all clients together. When almost as many are open, idle ones are closed; if none is idle, further
    /// connections wait to be accepted.
    pub most: usize,
    /// The limit for one client: an IPv4 address, an IPv6 /64. An IPv6 /48 may have four times as many. Further connections
    /// are closed on accept. Trusted proxies are exempt, because they forward many clients.
    pub most_per_client: usize,
    /// The keep-alive time.
    pub idle: Duration,
}

/// The open connections of a listener. Clones share them.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Shared>);

struct Shared {
    settings: ConnectionSettings,
    /// How long a connection may be without an active request.
    max_idle: Duration,
    state: Data<ServerState>,
    metrics: ConnectionMetrics,
    started_at: Instant,
    open: Mutex<Open>,
}

/// A connection and its activity.
struct Connection {
    /// A duplicate of the server's socket, to shut it down from outside.
    socket: OwnedFd,
    /// `None` for a trusted proxy.
    client: Option<Client>,
    /// Since when there has been no active request, in milliseconds since the server started; `BUSY` while there is one.
    idle_since: AtomicU64,
    /// The bytes written since `idle_since` was last set by [`ConnectionGuard::wrote`].
    progress: AtomicU64,
    requests_begun: AtomicU64,
    next_request: AtomicWaker,
    is_closing: AtomicBool,
}

const BUSY: u64 = u64::MAX;

/// Counts a connection until this is dropped.
pub(crate) struct ConnectionGuard {
    number: u64,
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
    pub(crate) fn new(
        settings: ConnectionSettings,
        max_idle: Duration,
        state: Data<ServerState>,
        metrics: ConnectionMetrics,
    ) -> Self {
        Self(Arc::new(Shared {
            settings,
            max_idle,
            metrics,
            state,
            started_at: now(),
            open: Mutex::default(),
        }))
    }

    pub(crate) fn settings(&self) -> ConnectionSettings {
        self.0.settings
    }

    /// Admits a new connection, or closes it if its client has too many.
    pub(crate) fn admit(&self, socket: TcpStream) -> io::Result<ClientStream> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&socket, TCP_USER_TIMEOUT);
        let _ = set_socket_send_buffer_size(&socket, SOCKET_BUFFER);
        let _ = set_socket_recv_buffer_size(&socket, SOCKET_BUFFER);
        let peer = socket.peer_addr()?.ip().to_canonical();
        let client = (!self.0.state.addresses.is_trusted(peer)).then(|| Client::of(peer));
        let connection = Arc::new(Connection {
            socket: socket.as_fd().try_clone_to_owned()?,
            client,
            idle_since: AtomicU64::new(self.clock()),
            progress: AtomicU64::new(0),
            requests_begun: AtomicU64::new(0),
            next_request: AtomicWaker::new(),
            is_closing: AtomicBool::new(false),
        });
        let mut open = self.lock();
        if client.is_some_and(|client| !open.has_room(client, self.0.settings.most_per_client)) {
            drop(open);
            self.0.metrics.refused();
            return Err(io::Error::other("the client has too many connections"));
        }
        let number = open.add(Arc::clone(&connection));
        self.0.metrics.open(open.all.len());
        self.make_room(&mut open);
        drop(open);
        let guard = ConnectionGuard {
            number,
            connection,
            connections: self.clone(),
        };
        Ok(ClientStream::new(socket, guard))
    }

    /// Closes idle connections when almost as many are open as there may be: a few at a time, to search for them less often.
    fn make_room(&self, open: &mut Open) {
        let most = self.0.settings.most;
        let reserve = (most / 16).max(1);
        if open.all.len() - open.closing <= most - reserve {
            return;
        }
        for number in eviction::choose(open.idle(), |network| open.of(network), reserve) {
            if let Some(connection) = open.all.get(&number)
                && connection.close()
            {
                open.closing += 1;
                self.0.metrics.evicted();
            }
        }
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
        let mut open = self.lock();
        let mut closed = 0;
        for connection in open.all.values() {
            let is_overdue = connection
                .idle_since()
                .is_some_and(|since| now.saturating_sub(since) > max_idle);
            if is_overdue && connection.close() {
                closed += 1;
                self.0.metrics.overdue();
            }
        }
        open.closing += closed;
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

impl Connection {
    /// Since when it has been idle; `None` if it is not, or is being closed.
    fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != BUSY && !self.is_closing.load(Ordering::Relaxed)).then_some(since)
    }

    /// Shuts the connection down; the HTTP library notices and drops it. Returns whether it was open. Only called with the
    /// table locked.
    fn close(&self) -> bool {
        !self.is_closing.swap(true, Ordering::Relaxed) && {
            let _ = shutdown(&self.socket, Shutdown::Both);
            true
        }
    }
}

impl ConnectionGuard {
    /// Marks the connection as busy until the returned guard is dropped.
    pub(crate) fn begin_request(&self) -> ActiveRequest {
        self.connection.idle_since.store(BUSY, Ordering::Relaxed);
        self.connection.requests_begun.fetch_add(1, Ordering::Relaxed);
        self.connection.next_request.wake();
        ActiveRequest {
            connection: Arc::clone(&self.connection),
            connections: self.connections.clone(),
        }
    }

    /// The number of requests that have begun.
    fn requests_begun(&self) -> u64 {
        self.connection.requests_begun.load(Ordering::Relaxed)
    }

    /// Has the task woken when the next request begins.
    fn wake_at_next_request(&self, waker: &Waker) {
        self.connection.next_request.register(waker);
    }

    /// Records that the client's kernel has room for more of a response.
    fn wrote(&self, length: usize) {
        let connection = &self.connection;
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let progress = connection
            .progress
            .fetch_add(length, Ordering::Relaxed)
            .saturating_add(length);
        let since = connection.idle_since.load(Ordering::Relaxed);
        if since != BUSY && progress >= PROGRESS {
            connection.progress.store(0, Ordering::Relaxed);
            let now = self.connections.clock();
            // A request may have begun meanwhile.
            let _ = connection
                .idle_since
                .compare_exchange(since, now, Ordering::Relaxed, Ordering::Relaxed);
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
        open.remove(self.number);
        self.connections.0.metrics.open(open.all.len());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "connections are timed by the monotonic clock; no domain policy depends on it"
)]
fn now() -> Instant {
    Instant::now()
}
