//! The built program as users run it: real processes, disks and sockets on loopback.

mod admin;
mod crashes;
mod damage;
mod dev;
mod formation;
mod malformed;
mod sessions;
mod settings;
mod snapshots;
mod stopping;
mod support;
mod words;
