//! From ports and settings to a server that answers.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, HttpServer, rt, web};

use crate::app::{App, Policies, Ports};
use crate::client_address::{ClientAddresses, ProxySettings};
use crate::connections::{ConnectionSettings, Connections, affordable};
use crate::keyed_lock::KeyedLock;
use crate::lane::{Lane, LaneSettings};
use crate::metrics::Metrics;
use crate::middleware::{envelope, limits};
use crate::openapi::openapi_json;
use crate::probes::Probes;
use crate::refusals::{RefusalLog, RefusalPorts};
use crate::refused_attempts::RefusalCounts;
use crate::revocation_cache::RevocationCache;
use crate::routes;
use crate::throttle::{Throttle, ThrottleSettings};

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How many files are open beside connections and what the lanes' threads work with: listeners, logs, keys.
const FILES: usize = 64;
/// How many files a thread of a lane may have open: SQLite needs three for a connection to the database.
const FILES_A_THREAD: usize = 4;
/// How long requests under way may take to finish when the server is stopped, in seconds.
const DRAIN_SECONDS: u64 = 25;
/// How long readiness has been false before connections are refused, so that a load balancer can notice.
const NOTICE: Duration = Duration::from_millis(200);

/// How often what the throttle turned away is written into the audit log.
const REFUSALS_EVERY: Duration = Duration::from_secs(60);

/// What the HTTP layer is told.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Where clients are answered. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where the operator is answered: health and metrics. Port 0 picks a free one.
    pub management_listen: SocketAddr,
    /// Which proxies are believed about where a request comes from.
    pub proxies: ProxySettings,
    /// How many connections there may be.
    pub connections: ConnectionSettings,
    /// How much one address may ask.
    pub throttle: ThrottleSettings,
    /// The bounds of what hashes passwords.
    pub password_lane: LaneSettings,
    /// The bounds of what only asks the store.
    pub storage_lane: LaneSettings,
}

/// Where a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Where clients are answered.
    pub public: SocketAddr,
    /// Where the operator is answered.
    pub management: SocketAddr,
}

/// How a server is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Let requests under way finish.
    Gracefully,
    /// Leave at once.
    AtOnce,
}

/// Answers requests until `stop` says otherwise. `ready` is told the addresses once connections are accepted.
///
/// Runs its own runtime: it is to be called from an ordinary thread, and returns when the server has stopped.
pub fn serve<S>(
    ports: Ports,
    policies: Policies,
    settings: HttpSettings,
    ready: impl FnOnce(Addresses) -> io::Result<()>,
    stop: impl FnOnce() -> S,
) -> io::Result<()>
where
    S: Future<Output = Stop> + 'static,
{
    let public = bind(settings.listen)?;
    let management = bind(settings.management_listen)?;
    let addresses = Addresses {
        public: public.local_addr()?,
        management: management.local_addr()?,
    };
    let life = policies.token_life();
    let revocations = RevocationCache::open(
        Arc::clone(&ports.revocation_store),
        Arc::clone(&ports.clock),
        life,
    )
    .map_err(io::Error::other)?;
    revocations.follow()?;
    let metrics = Metrics::new().map_err(io::Error::other)?;
    let refusal_ports = RefusalPorts {
        store: Arc::clone(&ports.store),
        entropy: Arc::clone(&ports.entropy),
        clock: Arc::clone(&ports.clock),
    };
    let refusals = RefusalLog::start(refusal_ports, REFUSALS_EVERY, metrics.unrecorded())?;
    let hasher = Arc::clone(&ports.hasher);
    let password_lane = Lane::start(
        "password",
        settings.password_lane,
        metrics.lane("password"),
        move || hasher.rest(),
    )?;
    let storage_lane = Lane::start("storage", settings.storage_lane, metrics.lane("storage"), || {})?;
    let app = web::Data::new(App {
        refusals: Arc::clone(&refusals),
        refused_attempts: RefusalCounts::default(),
        revocations: Arc::clone(&revocations),
        ports,
        policies,
        password_lane,
        storage_lane,
        keyed_lock: KeyedLock::default(),
        metrics,
        probes: Probes::default(),
        draining: AtomicBool::new(false),
        document: openapi_json(),
    });
    let ignored = app.metrics.forwarding_ignored();
    let client_addresses = web::Data::new(ClientAddresses::new(settings.proxies, ignored));
    let throttle = Throttle::new(settings.throttle, &app.metrics);
    let threads = settings.password_lane.workers + settings.storage_lane.workers;
    let bounds = ConnectionSettings {
        most: affordable(settings.connections.most, FILES + threads * FILES_A_THREAD),
        ..settings.connections
    };
    rt::System::new().block_on(async move {
        rt::spawn(throttle.clone().keep_house());
        let management = start_management(management, &app, &client_addresses)?;
        let server = start_public(public, &app, &client_addresses, throttle, bounds)?;
        let handle = server.handle();
        rt::spawn(stop_when_told(stop(), app, handle, management));
        ready(addresses)?;
        let ended = server.await;
        revocations.stop();
        refusals.stop();
        ended
    })
}

/// Binds, or says which address it was that could not be bound.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

fn start_public(
    listener: TcpListener,
    app: &web::Data<App>,
    addresses: &web::Data<ClientAddresses>,
    throttle: Throttle,
    bounds: ConnectionSettings,
) -> io::Result<actix_web::dev::Server> {
    let (app, addresses) = (app.clone(), addresses.clone());
    let connections = Connections::new(
        bounds,
        bounds.idle + HEAD_TIMEOUT,
        addresses.clone(),
        app.metrics.connections(),
    );
    rt::spawn(connections.clone().patrol());
    let workers = available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(bounds.most);
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .app_data(addresses.clone())
            .wrap(from_fn(limits))
            .wrap(from_fn(envelope))
            .configure(|config| routes::configure_public(config, &throttle))
    });
    Ok(server
        .workers(workers)
        .max_connections(bounds.most / workers)
        .on_connect(move |io, data| connections.connected(io, data))
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(bounds.idle)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// The management listener has a worker of its own, so that it answers when the others have much to do.
fn start_management(
    listener: TcpListener,
    app: &web::Data<App>,
    addresses: &web::Data<ClientAddresses>,
) -> io::Result<ServerHandle> {
    let (app, addresses) = (app.clone(), addresses.clone());
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(app.clone())
            .app_data(addresses.clone())
            .wrap(from_fn(limits))
            .wrap(from_fn(envelope))
            .configure(routes::configure_management)
    })
    .workers(1)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    rt::spawn(server);
    Ok(handle)
}

/// Readiness flips first, then the listener closes, then requests under way finish; the operator can look on until the end.
async fn stop_when_told(
    stop: impl Future<Output = Stop>,
    app: web::Data<App>,
    public: ServerHandle,
    management: ServerHandle,
) {
    let how = stop.await;
    app.draining.store(true, Ordering::Relaxed);
    if how == Stop::Gracefully {
        tokio::time::sleep(NOTICE).await;
    }
    public.stop(how == Stop::Gracefully).await;
    management.stop(false).await;
}
