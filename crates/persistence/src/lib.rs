//! Part of Doorward.
