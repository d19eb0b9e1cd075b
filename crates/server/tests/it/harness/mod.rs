//! What the tests are written with. Nothing here uses a test.

pub mod client;
pub mod database;
pub mod measure;
pub mod nginx;
pub mod openapi;
pub mod process;
pub mod raw;
pub mod response_schema;
pub mod service;
pub mod users;
