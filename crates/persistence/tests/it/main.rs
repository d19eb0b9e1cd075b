//! The store on real databases.

mod contract;
