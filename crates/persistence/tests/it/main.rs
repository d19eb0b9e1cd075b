//! The store on real databases.

mod smoke;
