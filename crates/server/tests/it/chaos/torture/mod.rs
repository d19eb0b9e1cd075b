//! The history check: many clients do random things to sessions, on instances that are killed meanwhile, and what they
//! saw is held against what one correct session could have done.
//!
//! `DOORWARD_TORTURE_ROUNDS` says how many rounds there are (`just torture` has many), `DOORWARD_TORTURE_SEED` with which
//! random numbers they begin.

mod checker;
mod checker_tests;
mod cluster;
mod history;
mod random_client;
mod refresh_cost;
mod revocation_delay;
mod rounds;
mod sql_proxy;
