//! Clients that change the membership: three members become five and three again, each time with a
//! writer at work, through kazoo, ZooKeeper's admin client, and its command line.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use super::dialog;
use super::java::Program;
use super::stand::{MORE, Stand};
use super::tools::look_for;
use crate::clients;
use crate::local::LocalEnsemble;
use crate::watch::writer::Writer;

/// Only who knows the password `secret` may change the members.
const SETTINGS: &str = "reconfigEnabled=true\n\
    DigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=\n";
const MEMBERS: u8 = 3;
const ALL: u8 = 5;

/// What a program is told.
struct Told {
    /// `HOST:PORT,...` of the three members.
    members: String,
    /// The lines of the two that are to join, with a comma between them.
    joining: String,
}

/// Sets five servers up of which three are members, writes all the time, and runs a client there.
async fn tried(
    stand: &mut Stand,
    client: impl AsyncFnOnce(&mut LocalEnsemble, &Told) -> Result<()>,
) -> Result<()> {
    let server = stand.server.clone();
    let settings = format!("{MORE}{SETTINGS}");
    // In place of the one without these settings.
    stand.ensemble = LocalEnsemble::growing(&server, MEMBERS, ALL, &settings).await?;
    let ensemble = &mut stand.ensemble;
    let mut told = Told { members: String::new(), joining: String::new() };
    for at in 0..usize::from(ALL) {
        let (list, item) = match at < usize::from(MEMBERS) {
            true => (&mut told.members, ensemble.address(at)?),
            false => (&mut told.joining, ensemble.line(at)?),
        };
        if !list.is_empty() {
            list.push(',');
        }
        *list += &item;
    }
    let writer = Writer::start(&ensemble.connect(), "written", 2).await?;
    client(ensemble, &told).await?;
    writer.writes(10).await?;
    let ledger = writer.finish().await?;
    ensure!(ledger.lost.is_empty(), "writes are lost: {:?}", ledger.lost);
    Ok(())
}

/// kazoo.
pub(super) async fn kazoo(stand: &mut Stand) -> Result<()> {
    let python = clients::venv(&stand.settings, clients::KAZOO, "kazoo").await?;
    let script = stand.settings.root.join("e2e/compat/python/reconfig.py");
    let mut command = Command::new(&python);
    // Nothing is to be written into the checkout.
    command.arg("-B").arg(&script);
    tried(stand, async |ensemble, told| {
        command.args([&told.members, &told.joining]);
        dialog::hold(command, ensemble).await
    })
    .await
}

/// ZooKeeper's admin client.
pub(super) async fn java(stand: &mut Stand) -> Result<()> {
    let folders = ["common", "reconfig"];
    let program = Program::compile(&stand.settings, "client-3.9.xml", &folders, "Reconfig").await?;
    tried(stand, async |ensemble, told| {
        let mut command = program.command();
        command.args([&told.members, &told.joining]);
        dialog::hold(command, ensemble).await
    })
    .await
}

/// `zkCli.sh`: `config` and `reconfig`.
pub(super) async fn zk_cli(stand: &mut Stand) -> Result<()> {
    let program = Program::compile(&stand.settings, "client-3.9.xml", &["common"], "Check").await?;
    tried(stand, async |ensemble, told| {
        let (fourth, fifth) = told.joining.split_once(',').context("two lines")?;
        let first = ensemble.address(0)?;
        let lines: Vec<String> = (0..3)
            .map(|at| ensemble.line(at))
            .collect::<Result<_>>()?;
        let four = format!("{},{fourth}", lines.join(","));
        let commands = format!(
            "reconfig -remove 3\naddauth digest super:secret\nconfig -w\n\
             reconfig -v 7fffffffffffff -add {fourth}\nreconfig -add server.4=nonsense\nreconfig -remove 1,2\n\
             reconfig -add {fourth}\nreconfig -s -add {fifth}\n\
             config -c\nreconfig -remove 4,5\nconfig -c\nreconfig -members {four}\nconfig -s\nquit\n"
        );
        let mut shell = program.other("org.apache.zookeeper.ZooKeeperMain");
        shell.args(["-waitforconnection", "-server", &first]);
        let said = clients::java::typed(&shell, &commands).await?;
        let all: Vec<String> = (0..5)
            .map(|at| ensemble.address(at))
            .collect::<Result<_>>()?;
        // `config -c` has the version and the addresses, in no order.
        let shown = |members: &[String]| {
            let listed = said.lines().filter_map(|line| Some(line.split_once(' ')?.1));
            listed.map(|it| it.split(',').collect::<BTreeSet<&str>>())
                .any(|it| it == members.iter().map(String::as_str).collect())
        };
        look_for(
            &[
                "Insufficient permission : ".to_owned(),
                "version No is not valid : ".to_owned(),
                "Arguments are not valid : ".to_owned(),
                "Committed new configuration:".to_owned(),
                "type:NodeDataChanged path:/zookeeper/config".to_owned(),
                "dataVersion = -1".to_owned(),
                "aclVersion = -1".to_owned(),
                format!(":participant;{}\nversion=", all[3]),
                format!(":participant;{}\nversion=", all[4]),
            ],
            &said,
        )?;
        ensure!(
            said.matches("Committed new configuration:").count() == 4,
            "not every change came to pass:\n{said}"
        );
        for members in [&all[..], &all[..3]] {
            ensure!(shown(members), "never {members:?}:\n{said}");
        }
        Ok(())
    })
    .await
}
