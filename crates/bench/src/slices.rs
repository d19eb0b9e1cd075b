//! Measurement in short slices of figure and limit in turn, so that other load of the machine affects both.

use std::time::Duration;

use crate::BenchResult;
use crate::load::{Client, Load, drive};
use crate::process::cpu_micros;
use crate::report::{Details, Figure};
use crate::server::Server;
use crate::stats::{Latency, number};

/// The number and duration of slices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Slices of a figure, and as many of its limit.
    pub(crate) rounds: u32,
    /// The duration of a slice.
    pub(crate) slice: Duration,
}

/// How long both sides run before the first slice.
const WARM_UP: Duration = Duration::from_millis(500);

impl Plan {
    /// Describes the plan for the report.
    pub(crate) fn measured(self) -> String {
        format!(
            "{} slices of {:.1} s per figure",
            self.rounds,
            self.slice.as_secs_f64()
        )
    }

    /// Alternates two measurements and returns their rates. `figure` gets `false` for the warm-up.
    pub(crate) fn alternate(
        self,
        mut figure: impl FnMut(Duration, bool) -> BenchResult<f64>,
        mut limit: impl FnMut(Duration) -> BenchResult<f64>,
    ) -> BenchResult<(Vec<f64>, Vec<f64>)> {
        figure(WARM_UP, false)?;
        limit(WARM_UP)?;
        let (mut figures, mut limits) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            figures.push(figure(self.slice, true)?);
            limits.push(limit(self.slice)?);
        }
        Ok((figures, limits))
    }
}

/// Clients of one server, and their results over several slices.
pub(crate) struct ClientGroup<'a, C> {
    server: &'a Server,
    clients: Vec<C>,
    size: usize,
    nanos: Vec<u64>,
    server_cpu: u64,
    client_cpu: u64,
}

impl<'a, C: Client + 'static> ClientGroup<'a, C> {
    pub(crate) fn new(server: &'a Server, clients: Vec<C>) -> Self {
        Self {
            server,
            size: clients.len(),
            clients,
            nanos: Vec::new(),
            server_cpu: 0,
            client_cpu: 0,
        }
    }

    /// Replaces the clients and keeps the results.
    pub(crate) fn replace(&mut self, clients: Vec<C>) {
        self.size = clients.len();
        self.clients = clients;
    }

    /// Runs the clients for `duration` and returns the rate per second. Keeps the results if the slice `counts`.
    pub(crate) fn run(&mut self, duration: Duration, counts: bool) -> BenchResult<f64> {
        let cpu = cpu_micros(self.server.pid())?;
        let clients = std::mem::take(&mut self.clients);
        let (clients, load): (_, Load) = drive(self.server.address, clients, duration, None)?;
        self.clients = clients;
        if counts {
            self.server_cpu += cpu_micros(self.server.pid())?.saturating_sub(cpu);
            self.client_cpu += load.client_cpu;
            self.nanos.extend(&load.nanos);
        }
        Ok(load.per_second())
    }

    /// The number of requests in the kept results.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.nanos.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn clients(self) -> Vec<C> {
        self.clients
    }

    /// Processor time of the server per request, in microseconds.
    pub(crate) fn server_cpu(&self) -> f64 {
        number(self.server_cpu) / number(self.count().max(1))
    }

    /// The figure for these rates, with details from the kept results.
    pub(crate) fn figure(&mut self, name: impl Into<String>, runs: &[f64]) -> Figure {
        let mut figure = Figure::new(name, "per second", runs);
        figure.load = Some(Details {
            clients: self.size,
            server_cpu: self.server_cpu(),
            client_cpu: number(self.client_cpu) / number(self.count().max(1)),
            latency: Latency::of(&mut self.nanos),
        });
        figure
    }
}
