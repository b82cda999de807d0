//! All I/O, no decisions.
