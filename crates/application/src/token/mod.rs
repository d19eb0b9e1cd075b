//! Access tokens: authentication of requests.

pub(crate) mod authenticate;
