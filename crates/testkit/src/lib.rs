//! Test doubles of Doorward's ports.
