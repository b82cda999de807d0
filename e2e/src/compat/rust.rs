//! The crate zookeeper-client, in a process of its own.

use std::env;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;
use zookeeper_client::{Acls, AddWatchMode, Client, CreateMode, CreateOptions, Error, EventType};

use super::stand::Stand;
use crate::clients;
use crate::clients::session::client_for;
use crate::common::until::until;

const PERSISTENT: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());
const EPHEMERAL: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());

/// An answer that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(5);

/// As the other clients have: to outlast restarts on a machine that has much to do.
const SESSION: Duration = Duration::from_secs(40);

/// Runs [`exercise`] everywhere.
pub(super) async fn scenario(stand: &mut Stand) -> Result<()> {
    let own = env::current_exe()?;
    let program = || {
        let mut command = Command::new(&own);
        command.arg("rust-compat");
        command
    };
    stand.everywhere(program).await
}

/// Uses an ensemble through the crate, and has members restarted meanwhile.
pub(crate) async fn exercise(connect: &str, all: &str, root: &str) -> Result<()> {
    clients::rust::exercise(connect, &format!("{root}-plain")).await?;
    let limit = Duration::from_secs(120);
    tokio::time::timeout(limit, survive(connect, all, root))
        .await
        .context("it takes too long")??;
    println!("all is well");
    Ok(())
}

async fn survive(connect: &str, all: &str, root: &str) -> Result<()> {
    let (one, other) = (client_for(connect, SESSION).await?, client_for(all, SESSION).await?);
    let session = one.session_id();
    let [watched, kept, alive] = ["watched", "kept", "alive"].map(|it| format!("{root}/{it}"));
    other.create(root, b"", &PERSISTENT).await?;
    other.create(&watched, b"first", &PERSISTENT).await?;
    other.create(&kept, b"first", &PERSISTENT).await?;
    one.sync(root).await?;
    one.create(&alive, b"", &EPHEMERAL).await?;
    let (_, _, once) = one.get_and_watch_data(&watched).await?;
    // Before any restart: the crate does not get persistent watches back, on ZooKeeper neither.
    let mut always = one.watch(&kept, AddWatchMode::Persistent).await?;
    other.set_data(&kept, b"second", None).await?;
    other.delete(&kept, None).await?;
    for expected in [EventType::NodeDataChanged, EventType::NodeDeleted] {
        let event = always.changed().await.event_type;
        ensure!(event == expected, "a persistent watch says {event}");
    }

    let stop = Arc::new(AtomicBool::new(false));
    let written =
        tokio::spawn(write(client_for(all, SESSION).await?, root.to_owned(), stop.clone()));
    ask("@restart leader").await?;
    ask(&format!("@restart {session}")).await?;
    let stopped = ask(&format!("@stop {session}")).await?;
    ask(&format!("@start {stopped}")).await?;

    // A change while the client is away shows once it is back.
    let down = ask(&format!("@kill {session}")).await?;
    until("a write succeeds", 60, async || Ok(other.set_data(&watched, b"second", None).await?))
        .await?;
    ask(&format!("@start {down}")).await?;
    let event = once.changed().await;
    ensure!(
        event.event_type == EventType::NodeDataChanged && event.path == watched,
        "a watch says {event:?}"
    );

    stop.store(true, Ordering::Relaxed);
    let acknowledged = written.await??;
    ensure!(!acknowledged.is_empty(), "nothing was acknowledged");
    ensure!(one.session_id() == session, "the session is another one");
    // It may have to come back from the last restart.
    until("a sync succeeds", 60, async || Ok(one.sync(root).await?)).await?;
    for path in &acknowledged {
        ensure!(one.check_stat(path).await?.is_some(), "{path} was acknowledged, and is lost");
    }
    let stat = one.check_stat(&alive).await?;
    ensure!(stat.is_some(), "the ephemeral znode is gone");
    Ok(())
}

/// Creates one znode after the other; gives those whose creation was acknowledged.
async fn write(client: Client, root: String, stop: Arc<AtomicBool>) -> Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    for number in 0.. {
        pace.tick().await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("{root}/w{number}");
        // The crate has been seen to leave a request without an outcome when its connection broke.
        let created = client.create(&path, b"", &PERSISTENT);
        match tokio::time::timeout(PATIENCE, created).await {
            Ok(Ok(_)) => acknowledged.push(path),
            Ok(Err(error @ Error::SessionExpired)) => return Err(error.into()),
            // Nobody knows what became of it; the crate has more than one error for that.
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Ok(acknowledged)
}

/// Asks whoever runs this program for a fault; gives the member that was meant.
async fn ask(request: &str) -> Result<String> {
    println!("{request}");
    std::io::stdout().flush()?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    })
    .await??;
    let member = answer.trim().strip_prefix("done ");
    Ok(member.context("no answer")?.to_owned())
}
