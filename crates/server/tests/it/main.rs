//! Doorward as its users meet it: the program, run, and its documents.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod health;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod support;
