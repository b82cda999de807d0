//! The built program as users run it: real processes, disks and sockets on loopback.

mod admin;
mod container;
mod crashes;
mod damage;
mod dev;
mod formation;
mod greedy;
mod hostile;
mod hostile_members;
mod large;
mod limits;
mod malformed;
mod observers;
mod peer_tls;
mod read_only;
mod reaping;
mod reconfig;
mod reconfig_faults;
mod reconfig_requests;
mod reconfig_roles;
#[path = "../samples/requests.rs"]
mod requests;
mod residence;
mod sasl;
mod secure;
mod sessions;
mod settings;
mod snapshots;
mod stopping;
mod support;
mod upgrade;
mod watermarks;
mod words;
mod zookeeper_json;
mod zookeeper_tools;
mod zookeeper_words;
