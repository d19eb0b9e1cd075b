//! The public and the management listener: start, drain, stop.

use std::future::{Future, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol};
use actix_service::{IntoServiceFactory as _, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, Error, rt, web};
use doorward_runtime::Application;
use prometheus::Registry;
use rustix::net::{Shutdown, shutdown};

use crate::edge::{
    AllowedHosts, ClientStream, ConnectionSettings, Connections, Throttle, ThrottleSettings, affordable,
    envelope, limits,
};
use crate::endpoint::{register_management, register_public};
use crate::error::ErrorRenderer;
use crate::metrics::{ConnectionMetrics, Metrics};
use crate::request::ProxySettings;
use crate::state::ServerState;
use crate::surface::Surface;

/// Timeout for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Open files reserved besides connections and the lanes' threads: listeners, logs, keys.
const RESERVED_FILES: usize = 64;
/// Open files reserved per thread of a lane: SQLite needs three for a database connection.
const FILES_PER_THREAD: usize = 4;
/// Open files of a connection: the server's and a duplicate.
const FILES_PER_CONNECTION: usize = 2;
/// How long active requests may take to finish when the server stops, in seconds.
const DRAIN_SECONDS: u64 = 25;
/// How long the workers may take to begin with the connections that were accepted last.
const HANDOVER: Duration = Duration::from_millis(50);
/// How long a connection may take to close after the last response.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The connections of the management listener: monitoring and operators, who may be behind one address.
const MANAGEMENT_CONNECTIONS: ConnectionSettings = ConnectionSettings {
    most: 64,
    most_per_client: 32,
    idle: Duration::from_secs(30),
};

/// The settings of the listeners.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The address of the public listener. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// The address of the management listener: health and metrics. Port 0 picks a free one.
    pub management_listen: SocketAddr,
    /// The names under which the management listener may be used, besides addresses, names without a dot and names that
    /// nobody can register.
    pub management_hosts: Vec<String>,
    /// Which proxies may forward a client address.
    pub proxies: ProxySettings,
    /// Limits on connections.
    pub connections: ConnectionSettings,
    /// Rate limits per client address.
    pub throttle: ThrottleSettings,
    /// How long connections are still accepted after readiness has become false, so that load balancers notice.
    pub drain_delay: Duration,
}

/// A request to stop the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Make readiness false, accept connections for [`HttpSettings::drain_delay`], then stop.
    Announced,
    /// Stop accepting connections now.
    Immediate,
}

/// Requests to stop the server, such as signals. After the first, a further one cuts the drain delay short.
pub trait StopRequests {
    /// Waits for the next request.
    fn next(&mut self) -> impl Future<Output = Stop>;
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
    /// The names under which the management listener is used.
    management_hosts: web::Data<AllowedHosts>,
}

impl Parts {
    pub(crate) fn new(
        application: Arc<Application>,
        surface: Arc<dyn Surface>,
        metrics: Metrics,
        proxies: ProxySettings,
        management_hosts: AllowedHosts,
    ) -> Self {
        let state = ServerState::new(Arc::clone(&application), metrics, proxies);
        Self {
            state: web::Data::new(state),
            application: web::Data::from(application),
            renderer: web::Data::from(Arc::clone(&surface) as Arc<dyn ErrorRenderer>),
            surface,
            management_hosts: web::Data::new(management_hosts),
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
        .configure(|config| {
            if let Some(throttle) = throttle {
                register_public(parts.surface.public_routes(), config, &throttle);
            } else {
                config.app_data(parts.management_hosts);
                register_management(parts.surface.management_routes(), config);
            }
        })
}

/// Serves requests until one of `stop` arrives. Calls `ready` with the bound addresses once connections are accepted.
/// Registers its metrics in `registry` and publishes all metrics of it.
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
    S: StopRequests + 'static,
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
    let most = affordable(
        settings.connections.most,
        RESERVED_FILES + MANAGEMENT_CONNECTIONS.most * FILES_PER_CONNECTION + threads * FILES_PER_THREAD,
    );
    let workers = available_parallelism().map_or(1, NonZeroUsize::get).min(most);
    let bounds = ConnectionSettings {
        // As many for each worker.
        most: most / workers * workers,
        ..settings.connections
    };
    let hosts = AllowedHosts(settings.management_hosts);
    let parts = Parts::new(application, surface, metrics, settings.proxies, hosts);
    rt::System::new().block_on(async move {
        rt::spawn(throttle.clone().evict_idle_keys());
        let state = parts.state.clone();
        // The management listener has a worker of its own, so that it responds when the public workers are busy.
        let bounded = connections(
            MANAGEMENT_CONNECTIONS,
            &state,
            state.metrics.management_connections(),
        );
        let management = start(management, 1, bounded, parts.clone(), None)?;
        let management_handle = management.handle();
        rt::spawn(management);
        let acceptor = public.try_clone()?;
        let bounded = connections(bounds, &state, state.metrics.public_connections());
        let server = start(public, workers, bounded, parts, Some(throttle))?;
        rt::spawn(stop_on(
            stop(),
            settings.drain_delay,
            state,
            acceptor,
            server.handle(),
            management_handle,
        ));
        ready(addresses)?;
        server.await
    })
}

/// Binds a listener. The error message includes the address.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}

/// The connections of a listener; idle ones are closed from now on.
fn connections(
    settings: ConnectionSettings,
    state: &web::Data<ServerState>,
    metrics: ConnectionMetrics,
) -> Connections {
    let connections = Connections::new(settings, settings.idle + HEAD_TIMEOUT, state.clone(), metrics);
    rt::spawn(connections.clone().close_idle_connections());
    connections
}

/// Starts the workers of a listener. They are those of `actix_web::HttpServer`, but each connection is a [`ClientStream`].
fn start(
    listener: TcpListener,
    workers: usize,
    connections: Connections,
    parts: Parts,
    throttle: Option<Throttle>,
) -> io::Result<Server> {
    let bounds = connections.settings();
    let builder = Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let server = builder
        .workers(workers)
        .max_concurrent_connections(bounds.most / workers)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .listen("doorward", listener, move || {
            let application = worker(parts.clone(), throttle.clone())
                .into_factory()
                .map_err(|error: Error| error.error_response());
            let stopping = stopping.clone();
            let service = HttpService::build()
                .keep_alive(bounds.idle)
                .client_request_timeout(HEAD_TIMEOUT)
                .client_disconnect_timeout(CLOSE_TIMEOUT)
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .on_connect_ext(|stream: &ClientStream, data| {
                    data.insert(stream.guard());
                })
                .finish(map_config(application, |()| AppConfig::default()));
            let connections = connections.clone();
            let admit = move |socket: TcpStream| {
                let peer = socket.peer_addr().ok();
                let admitted = connections.admit(socket);
                ready(
                    admitted
                        .map(|stream| (stream, Protocol::Http1, peer))
                        .map_err(DispatchError::Io),
                )
            };
            fn_service(admit).and_then(service)
        })?;
    Ok(server.run())
}

/// Stops both listeners: readiness becomes false and responses close their connections, the public listener closes after the
/// delay, active requests finish, and the management listener closes last.
async fn stop_on(
    mut stop: impl StopRequests,
    delay: Duration,
    state: web::Data<ServerState>,
    acceptor: TcpListener,
    public: ServerHandle,
    management: ServerHandle,
) {
    let request = stop.next().await;
    state.drain();
    if request == Stop::Announced {
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = stop.next() => {}
        }
    }
    // From now on connecting fails, so that a proxy can send the request elsewhere. Stopping the workers at once would drop
    // the connections that they have not begun with. The HTTP library logs the end of the listener as an error.
    tracing::info!("closing the listener, an error of `actix_server::accept` is part of it");
    let _ = shutdown(&acceptor, Shutdown::Read);
    tokio::time::sleep(HANDOVER).await;
    public.stop(true).await;
    management.stop(false).await;
}
