//! Bytes into values and back. Pure and total: malformed input is an error value, never a panic,
//! and no allocation follows a claimed length.

pub mod jute;
