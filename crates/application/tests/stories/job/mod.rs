//! Jobs.

mod given_up;
mod periodic;
