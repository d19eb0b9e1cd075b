//! End-to-end tests: the program itself, run as a process, and its documents.

#[cfg(test)]
mod account;
#[cfg(test)]
mod attack;
#[cfg(test)]
mod attempt;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod key;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod operation;
#[cfg(test)]
mod password;
#[cfg(test)]
mod session;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod token;
