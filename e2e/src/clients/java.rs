//! ZooKeeper's own Java client, through its command line.

use anyhow::{Result, ensure};
use std::path::PathBuf;
use tokio::process::Command;

use super::Clients;
use crate::common::commands::output;

const JARS: [&str; 5] = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "commons-cli"];

impl Clients {
    /// Uses an ensemble for what ZooKeeper's command line can do.
    pub(crate) async fn java(&self, connect: &str, root: &str) -> Result<()> {
        // It ends with the last command's status, and the one before is meant to fail.
        let commands = format!(
            "create {root} first\n\
             get -w {root}\n\
             set {root} second\n\
             create -s {root}/n- x\n\
             create -s {root}/n- x\n\
             create -e {root}/alive x\n\
             create {root} again\n\
             sync {root}\n\
             get -s {root}\n\
             ls {root}\n\
             getAcl {root}\n\
             deleteall {root}\n\
             stat {root}\n\
             ls /\n\
             quit\n"
        );
        let said = self.zk_cli(connect, &commands).await?;
        for expected in [
            &format!("Created {root}\n"),
            "type:NodeDataChanged",
            "second",
            "dataVersion = 1",
            "[alive, n-0000000000, n-0000000001]",
            &format!("Node already exists: {root}"),
            "'world,'anyone",
            &format!("Node does not exist: {root}"),
        ] {
            ensure!(said.contains(expected), "zkCli does not say {expected:?}, but:\n{said}");
        }
        Ok(())
    }

    /// Types commands into ZooKeeper's command line; gives all that it prints.
    pub(crate) async fn zk_cli(&self, connect: &str, commands: &str) -> Result<String> {
        let jars: Vec<PathBuf> =
            JARS.iter().map(|it| self.jars.join(it).with_extension("jar")).collect();
        let mut java = self.inside("java");
        java.arg("-cp").arg(std::env::join_paths(jars)?);
        java.args(["org.apache.zookeeper.ZooKeeperMain", "-waitforconnection", "-server", connect]);
        typed(&java, commands).await
    }
}

/// Types commands into a program; gives all that it prints, complaints included.
pub(crate) async fn typed(program: &Command, commands: &str) -> Result<String> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$@\" 2>&1", "sh"])
        .arg(program.as_std().get_program())
        .args(program.as_std().get_args());
    output(&mut shell, commands).await
}
