//! The crate zookeeper-client, in a process of its own: names are resolved by the process.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use zookeeper_client::{Acls, Client, CreateMode, Error, EventType};

use super::Clients;
use crate::clients::session::client;
use crate::common::commands::output;

impl Clients {
    /// Uses an ensemble for all that [`exercise`] does.
    pub(crate) async fn rust(&self, connect: &str, root: &str) -> Result<()> {
        let mut own = self.inside(env::current_exe()?);
        let said = output(own.args(["rust-client", connect, root]), "").await?;
        ensure!(said.trim().ends_with("all is well"), "zookeeper-client: {said}");
        Ok(())
    }
}

/// Reads, writes, watches, ephemerals, sequential znodes and multis.
pub(crate) async fn exercise(connect: &str, root: &str) -> Result<()> {
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, use_all(connect, root)).await.context("it takes too long")??;
    println!("all is well");
    Ok(())
}

async fn use_all(connect: &str, root: &str) -> Result<()> {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let (one, other) = (client(connect).await?, client(connect).await?);
    one.create(root, b"first", &persistent).await?;
    let stat = one.set_data(root, b"second", Some(0)).await?;
    ensure!(stat.version == 1, "a first write leads to version {}", stat.version);
    other.sync(root).await?;
    let (data, _, watcher) = other.get_and_watch_data(root).await?;
    ensure!(data == b"second", "another session reads {data:?}");
    let refused = one.set_data(root, b"x", Some(7)).await;
    ensure!(refused == Err(Error::BadVersion), "a wrong version is answered with {refused:?}");

    one.set_data(root, b"third", None).await?;
    let event = watcher.changed().await;
    ensure!(event.event_type == EventType::NodeDataChanged, "a watch says {event:?}");

    ephemerals(connect, &other, root).await?;
    sequence(&one, root).await?;
    multi(&one, root).await?;
    one.delete(root, None).await?;
    Ok(())
}

async fn ephemerals(connect: &str, other: &Client, root: &str) -> Result<()> {
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    let path = format!("{root}/alive");
    let dying = client(connect).await?;
    dying.create(&path, b"", &ephemeral).await?;
    other.sync(root).await?;
    let (stat, watcher) = other.check_and_watch_stat(&path).await?;
    ensure!(stat.is_some_and(|it| it.ephemeral_owner != 0), "an ephemeral is none: {stat:?}");
    drop(dying);
    let event = watcher.changed().await;
    ensure!(event.event_type == EventType::NodeDeleted, "a session's end shows as {event:?}");
    Ok(())
}

async fn sequence(one: &Client, root: &str) -> Result<()> {
    let sequential = CreateMode::PersistentSequential.with_acls(Acls::anyone_all());
    let mut last = -1;
    for _ in 0..3 {
        let (_, number) = one.create(&format!("{root}/n-"), b"", &sequential).await?;
        ensure!(number.into_i64() > last, "{number} follows {last}");
        last = number.into_i64();
        one.delete(&format!("{root}/n-{number}"), None).await?;
    }
    Ok(())
}

async fn multi(one: &Client, root: &str) -> Result<()> {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let child = format!("{root}/child");
    let mut all = one.new_multi_writer();
    all.add_create(&child, b"", &persistent)?;
    all.add_set_data(root, b"fourth", None)?;
    all.add_delete(&child, Some(0))?;
    let results = all.commit().await?;
    ensure!(results.len() == 3, "three operations give {results:?}");
    let mut nothing = one.new_multi_writer();
    nothing.add_create(&child, b"", &persistent)?;
    nothing.add_delete(&format!("{root}/missing"), None)?;
    if let Ok(results) = nothing.commit().await {
        bail!("a multi of which a part fails gives {results:?}");
    }
    ensure!(one.check_stat(&child).await?.is_none(), "a failed multi leaves something");
    Ok(())
}
