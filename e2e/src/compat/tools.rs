//! Command-line tools, each against every member: they list, create, set, get and delete.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

use super::go;
use super::java::Program;
use super::stand::Stand;
use crate::clients;
use crate::common::commands::output;
use crate::common::progress::say;

const ZK_SHELL: &str = "zk-shell==1.3.4";

/// ZooKeeper's own `zkCli.sh`, of its release 3.9.
pub(super) async fn zk_cli(stand: &mut Stand) -> Result<()> {
    let program = Program::compile(&stand.settings, "client-3.9.xml", &["common"], "Check").await?;
    for (number, member) in members(stand)?.iter().enumerate() {
        let root = format!("/zkcli-{number}");
        let commands = format!(
            "create {root} first\nset {root} second\ncreate -e {root}/alive x\n\
             create -s {root}/n- x\nget -s {root}\nls -R {root}\ngetAllChildrenNumber {root}\n\
             setquota -n 100 {root}\nlistquota {root}\ndelquota {root}\n\
             addWatch -m PERSISTENT {root}\nset {root} third\nconfig\nwhoami\nversion\n\
             deleteall {root}\nls /\nquit\n"
        );
        let mut shell = program.other("org.apache.zookeeper.ZooKeeperMain");
        shell.args(["-waitforconnection", "-server", member]);
        let said = clients::java::typed(&shell, &commands).await?;
        let members = stand.ensemble.connect();
        let mut expected = vec![
            format!("Created {root}\n"),
            "second".to_owned(),
            "dataVersion = 1".to_owned(),
            format!("{root}/n-0000000001"),
            "Output quota for".to_owned(),
            "count=100".to_owned(),
            "type:NodeDataChanged".to_owned(),
            "ip: 127.0.0.1".to_owned(),
            "[zookeeper]".to_owned(),
        ];
        expected.extend(members.split(',').map(|it| format!(":participant;{it}")));
        look_for(&expected, &said)?;
        say(format!("zkCli.sh: content with {member}"));
    }
    Ok(())
}

/// zk-shell, which is written with kazoo.
pub(super) async fn zk_shell(stand: &mut Stand) -> Result<()> {
    let python = clients::venv(&stand.settings, ZK_SHELL, "zk_shell").await?;
    for (number, member) in members(stand)?.iter().enumerate() {
        let root = format!("/zk-shell-{number}");
        let commands = format!(
            "create {root} first\ncreate {root}/child x\nset {root} second\nget {root}\n\
             ls {root}\ntree {root}\nget_acls {root}\nmntr\n\
             rmr {root}\nexists {root}\nls /\nquit\n"
        );
        let mut shell = Command::new(&python);
        shell.args(["-m", "zk_shell.cli", "--run-from-stdin", member]);
        let said = clients::java::typed(&shell, &commands).await?;
        let gone = format!("Path {root} doesn't exist");
        let expected = ["second", "├── child", "WORLD_ALL", "zk_server_state", &gone];
        look_for(&expected.map(str::to_owned), &said)?;
        say(format!("zk-shell: content with {member}"));
    }
    Ok(())
}

/// zookeepercli, which is written with an old Go client.
pub(super) async fn zookeepercli(stand: &mut Stand) -> Result<()> {
    let package = "github.com/outbrain/zookeepercli/go/cmd";
    let program = go::build(&stand.settings, "zookeepercli", package).await?;
    for (number, member) in members(stand)?.iter().enumerate() {
        let root = format!("/zookeepercli-{number}");
        let run = async |words: &[&str]| run_cli(&program, member, words).await;
        run(&["create", &root, "first"]).await?;
        run(&["creater", &format!("{root}/a/b"), "x"]).await?;
        run(&["set", &root, "second"]).await?;
        look_for(&["second".to_owned()], &run(&["get", &root]).await?)?;
        look_for(&["a".to_owned()], &run(&["ls", &root]).await?)?;
        look_for(&["a/b".to_owned()], &run(&["lsr", &root]).await?)?;
        run(&["exists", &root]).await?;
        run(&["deleter", &root]).await?;
        let gone = run(&["exists", &root]).await;
        ensure!(gone.is_err(), "it is not deleted: {gone:?}");
        say(format!("zookeepercli: content with {member}"));
    }
    Ok(())
}

/// Telegraf's own input for ZooKeeper: what its documentation lists is there, as numbers, and exactly
/// one member leads.
pub(super) async fn telegraf(stand: &mut Stand) -> Result<()> {
    let program = go::build(&stand.settings, "telegraf", ".").await?;
    let mut states = Vec::new();
    for member in members(stand)? {
        let mut command = Command::new(&program);
        let said = output(command.arg(&member), "").await?;
        let readings: Vec<Reading> = serde_json::from_str(&said).with_context(|| said.clone())?;
        let [reading] = readings.as_slice() else {
            bail!("one reading of one server: {said}");
        };
        let state = reading.tags.get("state").cloned().unwrap_or_default();
        let named = reading.tags.get("server").zip(reading.tags.get("port"));
        let address = named.map(|(host, port)| format!("{host}:{port}"));
        ensure!(address.as_ref() == Some(&member), "it names another: {said}");
        let led = LEADERS_FIELDS.iter().filter(|_| state == "leader");
        for field in FIELDS.iter().chain(led) {
            let number = reading.fields.get(*field).and_then(|it| it.as_f64());
            ensure!(number.is_some_and(|it| it >= 0.0), "no {field}: {said}");
        }
        let version = reading.fields.get("version").and_then(|it| it.as_str());
        ensure!(version.is_some_and(|it| it.starts_with("3.9.")), "{said}");
        say(format!("telegraf: content with {member}, a {state}"));
        states.push(state);
    }
    states.sort();
    ensure!(states == ["follower", "follower", "leader"], "{states:?}");
    Ok(())
}

/// What Telegraf documents of every server, but for the version.
const FIELDS: [&str; 13] = [
    "approximate_data_size",
    "avg_latency",
    "ephemerals_count",
    "max_file_descriptor_count",
    "max_latency",
    "min_latency",
    "num_alive_connections",
    "open_file_descriptor_count",
    "outstanding_requests",
    "packets_received",
    "packets_sent",
    "watch_count",
    "znode_count",
];

/// And of a leader, by the names that ZooKeeper has had since 3.6.
const LEADERS_FIELDS: [&str; 3] = ["learners", "synced_followers", "pending_syncs"];

/// What Telegraf hands on.
#[derive(Debug, serde::Deserialize)]
struct Reading {
    tags: BTreeMap<String, String>,
    fields: BTreeMap<String, serde_json::Value>,
}

async fn run_cli(program: &Path, member: &str, words: &[&str]) -> Result<String> {
    let mut command = Command::new(program);
    command.args(["--servers", member, "--force", "-c"]).args(words);
    output(&mut command, "").await
}

fn members(stand: &Stand) -> Result<Vec<String>> {
    (0..stand.ensemble.len()).map(|at| stand.ensemble.address(at)).collect()
}

/// That a program said all of this.
pub(super) fn look_for(expected: &[String], said: &str) -> Result<()> {
    let missing = expected.iter().find(|it| !said.contains(it.as_str()));
    match missing {
        None => Ok(()),
        Some(missing) => {
            Err(anyhow::anyhow!("{said}")).context(format!("it does not say {missing:?}"))
        }
    }
}
