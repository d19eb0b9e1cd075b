//! Passwords: policy, change and hashing.

mod change;
mod hash_cost;
mod hashing_lane;
mod pepper;
mod policy;
