//! Whether the first administrator has been created: table `setup`.

mod setup_state;
