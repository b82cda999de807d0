//! Kafka, a system that cannot do without ZooKeeper: one broker on the ensemble.

use std::fs::{self, File};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::dialog;
use super::java::Program;
use super::stand::Stand;
use crate::common::until::until;
use crate::local::{Folder, ports};

/// The znode that a running broker has.
const REGISTERED: &str = "/brokers/ids/0";

/// A broker starts, is used while members restart, and stops as it should.
pub(super) async fn broker(stand: &mut Stand) -> Result<()> {
    let folders = ["common", "kafka"];
    let program = Program::compile(&stand.settings, "kafka-3.9.xml", &folders, "Broker").await?;
    let (all, port) = (stand.ensemble.connect(), ports::free(1)?);
    let folder = Folder::new()?;
    let config = folder.path().join("server.properties");
    let text = format!(
        "broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{port}\nlog.dirs={}\n\
         zookeeper.connect={all}\nzookeeper.session.timeout.ms=40000\n\
         offsets.topic.num.partitions=1\noffsets.topic.replication.factor=1\n\
         log.cleaner.dedupe.buffer.size=4194304\ngroup.initial.rebalance.delay.ms=0\nauto.create.topics.enable=false\n",
        folder.path().join("data").display(),
    );
    fs::write(&config, text)?;
    let log = folder.path().join("log");
    let mut command = program.other("kafka.Kafka");
    let mut broker = command
        .arg(&config)
        .env("LOG_DIR", folder.path())
        .stdin(Stdio::null())
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start a broker")?;
    let outcome = use_and_stop(stand, &program, port, &mut broker).await;
    outcome.with_context(|| {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(40)..].join("\n");
        format!("the broker says\n{tail}\n")
    })
}

async fn use_and_stop(
    stand: &mut Stand,
    program: &Program,
    port: u16,
    broker: &mut Child,
) -> Result<()> {
    let all = stand.ensemble.connect();
    let mut user: Command = program.command();
    user.args([&format!("127.0.0.1:{port}"), &all]);
    dialog::hold(user, &mut stand.ensemble).await?;

    let ended = broker.try_wait()?;
    ensure!(ended.is_none(), "the broker has ended: {ended:?}");
    let pid = broker.id().and_then(|it| Pid::from_raw(it.cast_signed()));
    kill_process(pid.context("the broker has no process")?, Signal::TERM)?;
    let status = tokio::time::timeout(std::time::Duration::from_secs(60), broker.wait());
    let status = status.await.context("the broker does not stop within 60 s")??;
    // Java ends so when it was told to, once all that is to be done before is done.
    ensure!(status.success() || status.code() == Some(143), "the broker ends with {status}");
    let reader = crate::clients::session::client(&all).await?;
    until("the broker's znode is gone", 5, async || {
        reader.sync("/").await?;
        match reader.check_stat(REGISTERED).await? {
            None => Ok(()),
            Some(stat) => bail!("{stat:?}"),
        }
    })
    .await
}
