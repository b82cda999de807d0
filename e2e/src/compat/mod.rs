//! `cargo e2e compat`: stock clients, tools and applications, unmodified, each against an ensemble of
//! its own of local members, which are restarted, or joined and removed, under it.
//!
//! `stand` what a scenario has · `runner` runs them · `dialog` programs that ask for faults while they
//! run · by language: `c`, `go`, `java`, `python`, `rust` · `tools` on the command line · `kafka` ·
//! `secure` TLS and SASL · `reconfig` members that join and leave · `import` data of a real
//! ZooKeeper.

mod c;
mod dialog;
mod go;
mod import;
mod java;
mod kafka;
mod python;
mod reconfig;
mod runner;
pub(crate) mod rust;
mod secure;
mod stand;
mod tools;

use anyhow::Result;
use futures::future::BoxFuture;

pub(crate) use runner::{list, run};
use stand::Stand;

/// A client and what it does.
struct Scenario {
    name: &'static str,
    /// What it shows, in words.
    about: &'static str,
    run: for<'a> fn(&'a mut Stand) -> BoxFuture<'a, Result<()>>,
}

/// Registers async functions under the names of their modules.
macro_rules! scenarios {
    ($($name:ident: $about:literal => $run:path,)*) => {
        fn all() -> Vec<Scenario> {
            vec![$(Scenario {
                name: stringify!($name),
                about: $about,
                run: |stand| Box::pin($run(stand)),
            },)*]
        }
    };
}

scenarios! {
    java_39: "ZooKeeper's client 3.9: all of its API" => java::client_39,
    java_35: "the same of its client 3.5" => java::client_35,
    curator_39: "Curator 5 and its recipes on the client 3.9" => java::curator_39,
    curator_35: "the recipes on the client 3.5" => java::curator_35,
    java_secure: "the client 3.9 with TLS and with SASL DIGEST-MD5" => secure::java,
    kazoo_secure: "kazoo with TLS and with SASL DIGEST-MD5" => secure::kazoo,
    reconfig_kazoo: "three members, five, and three again: kazoo" => reconfig::kazoo,
    reconfig_java: "the same with ZooKeeper's admin client" => reconfig::java,
    reconfig_zk_cli: "the same with zkCli.sh" => reconfig::zk_cli,
    import: "what a real ZooKeeper left when it was killed, znode by znode" => import::zookeeper_data,
    kafka: "a Kafka broker: topics, records, restarts below it, a clean end" => kafka::broker,
    kazoo: "kazoo and its recipes" => python::client,
    c_client: "the C client, multi-threaded" => c::client,
    go_client: "go-zookeeper" => go::client,
    zk_cli: "zkCli.sh, the command line of ZooKeeper 3.9" => tools::zk_cli,
    zk_shell: "zk-shell, the tool on top of kazoo" => tools::zk_shell,
    zookeepercli: "the tool on top of an old Go client" => tools::zookeepercli,
    telegraf: "Telegraf's input for ZooKeeper" => tools::telegraf,
    rust: "the crate zookeeper-client" => rust::scenario,
}
