//! Many clients perform random operations on sessions while instances are killed, and the observed histories are
//! checked against a correct session.
//!
//! `DOORWARD_TORTURE_ROUNDS` sets the number of rounds (`just torture` runs many), `DOORWARD_TORTURE_SEED` the seed.

mod checker;
mod checker_tests;
mod cluster;
mod history;
mod random_client;
mod refresh_cost;
mod revocation_delay;
mod rounds;
mod sql_proxy;
