//! Listeners: binding, starting, draining, stopping.

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

/// The settings of the listeners.
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

/// What every worker of a listener is made of.
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

/// What a worker serves: the routes of the public listener under the throttle, or, without one, those of the management
/// listener.
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

/// Answers requests until `stop` says otherwise. `ready` is given the addresses once connections are accepted. Metrics are
/// registered in `registry`, and all that is in it is published.
///
/// Has a runtime of its own: it is to be called from an ordinary thread, and returns when the server has stopped.
pub fn serve<S>(
    application: Arc<Application>,
    surface: Arc<dyn Surface>,
    settings: HttpSettings,
    registry: Registry,
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
    let metrics = Metrics::new(registry).map_err(io::Error::other)?;
    let throttle = Throttle::new(settings.throttle, &metrics);
    let threads = application.threads();
    let bounds = ConnectionSettings {
        most: affordable(settings.connections.most, FILES + threads * FILES_A_THREAD),
        ..settings.connections
    };
    let parts = Parts::new(application, surface, metrics, settings.proxies);
    rt::System::new().block_on(async move {
        rt::spawn(throttle.clone().evict_idle_keys());
        let management = start_management(management, parts.clone())?;
        let state = parts.state.clone();
        let server = start_public(public, parts, throttle, bounds)?;
        rt::spawn(stop_when_told(stop(), state, server.handle(), management));
        ready(addresses)?;
        server.await
    })
}

/// Binds, or says which address it was that could not be bound.
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

/// The management listener has a worker of its own, so that it answers when the others have much to do.
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

/// Readiness flips first, then the listener closes, then requests under way finish; the operator can look on until the end.
async fn stop_when_told(
    stop: impl Future<Output = Stop>,
    state: web::Data<ServerState>,
    public: ServerHandle,
    management: ServerHandle,
) {
    let how = stop.await;
    state.drain();
    if how == Stop::Gracefully {
        tokio::time::sleep(NOTICE).await;
    }
    public.stop(how == Stop::Gracefully).await;
    management.stop(false).await;
}
