//! Sealed keys: table `keys`.

mod keys;
