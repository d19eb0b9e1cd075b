//! The public and the management listener: start, drain, stop.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpServer, rt, web};
use doorward_runtime::Application;
use prometheus::Registry;

use crate::edge::{
    ConnectionSettings, Connections, Throttle, ThrottleSettings, affordable, envelope, limits,
};
use crate::endpoint::{register_management, register_public};
use crate::error::ErrorRenderer;
use crate::metrics::Metrics;
use crate::request::ProxySettings;
use crate::state::ServerState;
use crate::surface::Surface;

/// Timeout for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Open files reserved besides connections and the lanes' threads: listeners, logs, keys.
const RESERVED_FILES: usize = 64;
/// Open files reserved per thread of a lane: SQLite needs three for a database connection.
const FILES_PER_THREAD: usize = 4;
/// How long active requests may take to finish when the server stops, in seconds.
const DRAIN_SECONDS: u64 = 25;
/// Time between readiness becoming false and the listener closing, so that a load balancer can react.
const DRAIN_DELAY: Duration = Duration::from_millis(200);

/// The settings of the listeners.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The address of the public listener. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// The address of the management listener: health and metrics. Port 0 picks a free one.
    pub management_listen: SocketAddr,
    /// Which proxies may forward a client address.
    pub proxies: ProxySettings,
    /// Limits on connections.
    pub connections: ConnectionSettings,
    /// Rate limits per client address.
    pub throttle: ThrottleSettings,
}

/// The bound addresses of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The public listener.
    pub public: SocketAddr,
    /// The management listener.
    pub management: SocketAddr,
}

/// What the workers of a listener share.
#[derive(Clone)]
pub(crate) struct Parts {
    state: web::Data<ServerState>,
    application: web::Data<Application>,
    renderer: web::Data<dyn ErrorRenderer>,
    surface: Arc<dyn Surface>,
}

impl Parts {
    pub(crate) fn new(
        application: Arc<Application>,
        surface: Arc<dyn Surface>,
        metrics: Metrics,
        proxies: ProxySettings,
    ) -> Self {
        let state = ServerState::new(Arc::clone(&application), metrics, proxies);
        Self {
            state: web::Data::new(state),
            application: web::Data::from(application),
            renderer: web::Data::from(Arc::clone(&surface) as Arc<dyn ErrorRenderer>),
            surface,
        }
    }
}

/// Builds the actix-web application of a worker: of the public listener if there is a throttle, otherwise of the
/// management listener.
pub(crate) fn worker(
    parts: Parts,
    throttle: Option<Throttle>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(parts.application)
        .app_data(parts.state)
        .app_data(parts.renderer)
        .configure(|config| parts.surface.add_data(config))
        .wrap(from_fn(limits))
        .wrap(from_fn(envelope))
        .configure(|config| match throttle {
            Some(throttle) => register_public(parts.surface.public_routes(), config, &throttle),
            None => register_management(parts.surface.management_routes(), config),
        })
}

/// Serves requests until the future of `stop` completes. Calls `ready` with the bound addresses once connections are
/// accepted. Registers its metrics in `registry` and publishes all metrics of it.
///
/// Starts its own async runtime and blocks the calling thread, which must not belong to another runtime.
pub fn serve<S>(
    application: Arc<Application>,
    surface: Arc<dyn Surface>,
    settings: HttpSettings,
    registry: Registry,
    ready: impl FnOnce(Addresses) -> io::Result<()>,
    stop: impl FnOnce() -> S,
) -> io::Result<()>
where
    S: Future<Output = ()> + 'static,
{
    let public = bind(settings.listen)?;
    let management = bind(settings.management_listen)?;
    let addresses = Addresses {
        public: public.local_addr()?,
        management: management.local_addr()?,
    };
    let metrics = Metrics::new(registry).map_err(io::Error::other)?;
    let throttle = Throttle::new(settings.throttle, &metrics);
    let threads = application.threads();
    let bounds = ConnectionSettings {
        most: affordable(
            settings.connections.most,
            RESERVED_FILES + threads * FILES_PER_THREAD,
        ),
        ..settings.connections
    };
    let parts = Parts::new(application, surface, metrics, settings.proxies);
    rt::System::new().block_on(async move {
        rt::spawn(throttle.clone().evict_idle_keys());
        let management = start_management(management, parts.clone())?;
        let state = parts.state.clone();
        let server = start_public(public, parts, throttle, bounds)?;
        rt::spawn(stop_on(stop(), state, server.handle(), management));
        ready(addresses)?;
        server.await
    })
}

/// Binds a listener. The error message includes the address.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

fn start_public(
    listener: TcpListener,
    parts: Parts,
    throttle: Throttle,
    bounds: ConnectionSettings,
) -> io::Result<actix_web::dev::Server> {
    let connections = Connections::new(bounds, bounds.idle + HEAD_TIMEOUT, parts.state.clone());
    rt::spawn(connections.clone().close_idle_connections());
    let workers = available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(bounds.most);
    let server = HttpServer::new(move || worker(parts.clone(), Some(throttle.clone())));
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

/// The management listener has a worker of its own, so that it responds when the public workers are busy.
fn start_management(listener: TcpListener, parts: Parts) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || worker(parts.clone(), None))
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

/// Stops both listeners: readiness becomes false, the public listener closes, active requests finish, and the management
/// listener closes last.
async fn stop_on(
    stop: impl Future<Output = ()>,
    state: web::Data<ServerState>,
    public: ServerHandle,
    management: ServerHandle,
) {
    stop.await;
    state.drain();
    tokio::time::sleep(DRAIN_DELAY).await;
    public.stop(true).await;
    management.stop(false).await;
}
