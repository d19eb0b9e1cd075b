//! What the tests are written with. Nothing in here depends on a test.

pub mod client;
pub mod companion;
pub mod database;
pub mod measure;
pub mod nginx;
pub mod openapi;
pub mod pgbouncer;
pub mod process;
pub mod raw;
pub mod response_schema;
pub mod service;
pub mod users;
