//! Mail.

mod model;
mod notices;
