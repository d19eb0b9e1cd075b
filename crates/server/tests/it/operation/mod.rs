//! Running the program: command line, start and stop, health, log, metrics, documents.

mod cli;
mod documents;
mod drain;
mod files;
mod health;
mod lifecycle;
mod load;
mod log;
mod metrics;
mod pooler;
mod readme;
mod stalled_log;
