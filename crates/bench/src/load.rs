//! The load: a number of clients, each with a connection of its own, each asking again as soon as it is answered.
//!
//! All of them run on one thread, without locks or wake-ups between threads: it takes a few microseconds a request, which
//! is told beside each figure that could come near it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::LocalSet;

use crate::Outcome;
use crate::clock::Watch;
use crate::http::Connection;
use crate::process::own_thread_micros;
use crate::stats::number;

/// One client: what it asks, and what it makes of the answer.
pub(crate) trait Client {
    /// The next request, if there is another.
    fn request(&mut self) -> Option<&[u8]>;

    /// Looks at an answer. An error ends the measurement: a figure counts only if every answer was the right one.
    fn answered(&mut self, status: u16, body: &[u8]) -> Outcome<()>;
}

/// What came of a while of asking.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// How long each answer took, in nanoseconds.
    pub(crate) nanos: Vec<u64>,
    /// How long it all took.
    pub(crate) elapsed: Duration,
    /// Processor time of the clients, in microseconds.
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

/// Has every client ask for that long, or until it has nothing more to ask. With a pause, each waits that long between an
/// answer and its next request.
pub(crate) fn drive<C: Client + 'static>(
    address: SocketAddr,
    clients: Vec<C>,
    duration: Duration,
    pause: Option<Duration>,
) -> Outcome<(Vec<C>, Load)> {
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
                    .map(|client| tokio::task::spawn_local(ask_on(address, client, watch, duration, pause)))
                    .collect();
                let mut clients = Vec::new();
                let mut load = Load::default();
                for task in tasks {
                    let (client, nanos) = task.await??;
                    clients.push(client);
                    load.nanos.extend(nanos);
                }
                load.elapsed = watch.elapsed();
                Ok::<_, crate::Fault>((clients, load))
            })
            .await
    })?;
    load.client_cpu = own_thread_micros()?.saturating_sub(cpu);
    Ok((clients, load))
}

async fn ask_on<C: Client>(
    address: SocketAddr,
    mut client: C,
    watch: Watch,
    duration: Duration,
    pause: Option<Duration>,
) -> Outcome<(C, Vec<u64>)> {
    let mut connection = Connection::open(address).await?;
    let mut nanos = Vec::new();
    while watch.elapsed() < duration {
        let Some(request) = client.request() else { break };
        let asked = Watch::start();
        let answer = connection.ask(request).await?;
        nanos.push(asked.nanos());
        client.answered(answer.status, answer.body)?;
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    Ok((client, nanos))
}

/// The error of an answer that was not expected.
pub(crate) fn unexpected(what: &str, status: u16, body: &[u8]) -> crate::Fault {
    let body: String = String::from_utf8_lossy(body).chars().take(300).collect();
    format!("{what} was answered with {status}: {body}").into()
}
