//! The pepper that passwords are hashed with: table `password_pepper`.

mod pepper;
