//! The load generator: clients with a connection each, which send the next request as soon as they have the response.
//!
//! All clients run on one thread, without locks or wake-ups between threads. This takes a few microseconds per request,
//! which is reported with each figure.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::LocalSet;

use crate::BenchResult;
use crate::clock::Watch;
use crate::http::Connection;
use crate::process::own_thread_micros;
use crate::stats::number;

/// A client: creates requests and checks responses.
pub(crate) trait Client {
    /// The next request; `None` if there are no more.
    fn request(&mut self) -> Option<&[u8]>;

    /// Checks a response. An error ends the measurement: a figure is valid only if every response is as expected.
    fn handle_response(&mut self, status: u16, body: &[u8]) -> BenchResult<()>;
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The response times, in nanoseconds.
    pub(crate) nanos: Vec<u64>,
    pub(crate) elapsed: Duration,
    /// Processor time of all clients, in microseconds.
    pub(crate) client_cpu: u64,
}

impl Load {
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.nanos.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn per_second(&self) -> f64 {
        number(self.count()) / self.elapsed.as_secs_f64()
    }
}

/// Runs every client for `duration`, or until it has no more requests. With a pause, each client waits that long between a
/// response and the next request.
pub(crate) fn drive<C: Client + 'static>(
    address: SocketAddr,
    clients: Vec<C>,
    duration: Duration,
    pause: Option<Duration>,
) -> BenchResult<(Vec<C>, Load)> {
    let cpu = own_thread_micros()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (clients, mut load) = runtime.block_on(async {
        let local = LocalSet::new();
        local
            .run_until(async {
                let watch = Watch::start();
                let tasks: Vec<_> = clients
                    .into_iter()
                    .map(|client| {
                        tokio::task::spawn_local(run_client(address, client, watch, duration, pause))
                    })
                    .collect();
                let mut clients = Vec::new();
                let mut load = Load::default();
                for task in tasks {
                    let (client, nanos) = task.await??;
                    clients.push(client);
                    load.nanos.extend(nanos);
                }
                load.elapsed = watch.elapsed();
                Ok::<_, crate::BenchError>((clients, load))
            })
            .await
    })?;
    load.client_cpu = own_thread_micros()?.saturating_sub(cpu);
    Ok((clients, load))
}

async fn run_client<C: Client>(
    address: SocketAddr,
    mut client: C,
    watch: Watch,
    duration: Duration,
    pause: Option<Duration>,
) -> BenchResult<(C, Vec<u64>)> {
    let mut connection = Connection::open(address).await?;
    let mut nanos = Vec::new();
    while watch.elapsed() < duration {
        let Some(request) = client.request() else { break };
        let sent = Watch::start();
        let response = connection.send(request).await?;
        nanos.push(sent.nanos());
        client.handle_response(response.status, response.body)?;
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok((client, nanos))
}

/// The error for an unexpected response.
pub(crate) fn unexpected(what: &str, status: u16, body: &[u8]) -> crate::BenchError {
    let body: String = String::from_utf8_lossy(body).chars().take(300).collect();
    format!("unexpected response to {what}: {status} {body}").into()
}
