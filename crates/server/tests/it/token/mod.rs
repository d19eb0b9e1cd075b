//! Access tokens: verification and revocation.

mod access_tokens;
mod python_verifier;
mod revocation;
