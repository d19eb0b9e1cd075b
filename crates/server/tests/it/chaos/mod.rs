//! Failures of the database and of the process.

mod outage;
mod torture;
