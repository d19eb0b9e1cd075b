//! Runs the jobs that transactions have queued.
//!
//! Each kind of job has a handler and threads of its own: a kind that hangs stops no other. A worker claims one job at a time,
//! so that a lease begins when the work does. Any number of instances may run jobs of one store.

mod handler;
mod metrics;
mod ports;
mod runner;
#[cfg(test)]
mod tests;
mod wake;
mod worker;

pub use handler::JobHandler;
pub(crate) use ports::RunnerPorts;
pub use runner::JobRunner;
pub(crate) use wake::JobWake;
