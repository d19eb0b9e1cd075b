//! Doorward as its users meet it: the program, run, and its documents.

#[cfg(test)]
mod account;
#[cfg(test)]
mod api;
#[cfg(test)]
mod attack;
#[cfg(test)]
mod attempts;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod auth;
#[cfg(test)]
mod backing;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod client;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lane;
#[cfg(test)]
mod log;
#[cfg(test)]
mod malformed;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod nginx;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod passwords;
#[cfg(test)]
mod people;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod revocations;
#[cfg(test)]
mod sameness;
#[cfg(test)]
mod service;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod strain;
#[cfg(test)]
mod support;
#[cfg(test)]
mod throttle;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod users;
#[cfg(test)]
mod verifier;
