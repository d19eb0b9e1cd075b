//! Password attempts: limits, and what a failed login reveals.

mod limits;
mod timing;
