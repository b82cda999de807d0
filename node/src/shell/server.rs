//! One server: its disk, its core, its ports, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::accept::Port;
use super::client_port::{self, Clients, Limits};
use super::disk::writer::{LogQueue, Told};
use super::disk::{DiskConfig, DiskError, files, folder, recovery, snapshots, writer};
use super::driver::{Chore, Driver};
use super::metrics::Metrics;
use super::shown::Shown;
use super::tls::{Tls, TlsConfig};
use super::{admin_http, admin_port, limits, memory, peer_port, snapshot_stream, sockets};
use crate::core::input::{AdminRequest, Input};
use crate::core::node::Recovered;
use crate::core::options::Options;
use crate::core::types::WriteSeq;

/// Everything that a server is told when it starts.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    /// For the core.
    pub options: Options,
    /// For the disk.
    pub disk: DiskConfig,
    /// Where clients connect without TLS.
    pub client: Option<SocketAddr>,
    /// Where they connect with it.
    pub tls: Option<TlsConfig>,
    /// Where members connect.
    pub peer: SocketAddr,
    /// Where operators and probes connect.
    pub admin: Option<SocketAddr>,
    /// Where ZooKeeper's Prometheus provider would listen; metrics are on the admin port as well.
    pub metrics: Option<SocketAddr>,
    /// See [`admin_http::Admin::token_file`].
    pub token_file: Option<PathBuf>,
    /// For the client port.
    pub limits: Limits,
    /// Bytes of memory; close to them no new data is taken.
    pub memory_limit: u64,
    /// Shown by words and admin commands.
    pub shown: Shown,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    driver: Arc<Driver>,
    log: LogQueue,
    writer: JoinHandle<()>,
    tasks: JoinSet<()>,
    /// Where clients connect, with the port that was really taken.
    pub client: Option<SocketAddr>,
    /// The same for the secure port.
    pub secure: Option<SocketAddr>,
    /// The same for the admin port, if there is one.
    pub admin: Option<SocketAddr>,
    _locks: Vec<std::fs::File>,
}

/// Passes the log thread's news to the core, once there is one.
struct LogNews(Arc<OnceLock<Weak<Driver>>>);

impl LogNews {
    fn driver(&self) -> Option<Arc<Driver>> {
        self.0.get().and_then(Weak::upgrade)
    }
}

impl Told for LogNews {
    fn durable(&self, seq: WriteSeq, took: Duration) {
        if let Some(driver) = self.driver() {
            driver.metrics.synced(took);
            driver.step(Input::Durable(seq));
        }
    }

    fn failed(&self, error: DiskError) {
        // What the kernel still holds of the file is not known after this: no second try.
        tracing::error!(%error, "the log cannot be written: ending the process");
        std::process::abort();
    }
}

impl Server {
    /// Recovers what the disk holds, and serves.
    ///
    /// # Errors
    /// When the folder or a port cannot be used; the text says what to do.
    pub(crate) async fn start(config: ServerConfig) -> anyhow::Result<Server> {
        let client = listen_if(config.client, "clients").await?;
        let secure =
            listen_if(config.tls.as_ref().map(|it| it.address), "clients with TLS").await?;
        let tls = config.tls.map(Tls::load).transpose()?;
        let peer = sockets::listen(config.peer)
            .await
            .with_context(|| format!("listen for members on {}", config.peer))?;
        let admin = listen_if(config.admin, "operators").await?;
        let scraped = listen_if(config.metrics, "Prometheus").await?;
        let client_at = client.as_ref().and_then(|it| it.local_addr().ok());
        let secure_at = secure.as_ref().and_then(|it| it.local_addr().ok());
        let admin_at = admin.as_ref().and_then(|it| it.local_addr().ok());

        let disk = config.disk.clone();
        let alone = config.options.static_list.len() == 1;
        let began = Instant::now();
        let opened = tokio::task::spawn_blocking(move || recovery::open(&disk, alone));
        let (found, log) = opened.await??;
        if let Some(damage) = &found.damage {
            tracing::error!(damage, "the log is damaged: this member does not vote until repaired");
        }
        let (identity, locks) = (found.identity, found.locks);
        tracing::info!(member = %identity.member, server = %config.options.server, "recovered");
        let queue = LogQueue::default();
        let (chores, inbox) = unbounded_channel();
        let metrics = Metrics::new(config.disk.clone(), config.shown.clone())?;
        let counted = metrics.counted();
        counted.recovered(began.elapsed(), found.entries.len());
        if let Some(snapshot) = &found.snapshot {
            let file = snapshots::list(&config.disk).into_iter().next();
            let stored = file.and_then(|(_, _, path)| path.metadata().ok()?.modified().ok());
            let at = stored.unwrap_or_else(SystemTime::now);
            metrics.snapshot_stored(snapshot.image.zxid, at);
        }
        let recovered = Recovered {
            member: identity.member,
            ensemble: identity.ensemble,
            hard: found.hard,
            snapshot: found.snapshot,
            entries: found.entries,
            repairing: found.damage.is_some(),
        };
        let boot = u64::from_be_bytes(files::entropy()?);
        let news = Arc::new(OnceLock::new());
        let options = config.options.clone();
        let driver = Driver::start(options, recovered, boot, queue.clone(), chores, metrics);
        // Before the log thread begins, so that none of its news is lost.
        let _ = news.set(Arc::downgrade(&driver));
        let writer = writer::start(log, queue.clone(), LogNews(news))?;

        let mut tasks = JoinSet::new();
        let mut most = config.limits;
        most.connections = limits::connections(most.connections);
        let clients = Clients::new(most);
        driver.metrics.budget(clients.budget());
        if let Some(client) = client {
            tasks.spawn(client_port::serve(
                Port::new(client, "clients"),
                None,
                Arc::clone(&driver),
                Arc::clone(&clients),
            ));
        }
        if let (Some(secure), Some(tls)) = (secure, tls) {
            let tls = Arc::new(tls);
            let watched = (Arc::clone(&tls), driver.metrics.clone());
            tasks.spawn(async move { watched.0.watch(&watched.1).await });
            tasks.spawn(client_port::serve(
                Port::new(secure, "clients with TLS"),
                Some(tls),
                Arc::clone(&driver),
                clients,
            ));
        }
        tasks.spawn(peer_port::serve(
            Port::new(peer, "members"),
            Arc::clone(&driver),
            config.disk.clone(),
        ));
        let admin_state =
            admin_http::Admin { driver: Arc::clone(&driver), token_file: config.token_file };
        if let Some(scraped) = scraped {
            let routes = admin_http::metrics_alone(admin_state.clone());
            tasks.spawn(admin_port::serve(Port::new(scraped, "Prometheus"), routes));
        }
        if let Some(admin) = admin {
            let routes = admin_http::routes(admin_state);
            tasks.spawn(admin_port::serve(Port::new(admin, "operators"), routes));
        }
        tasks.spawn(tick(Arc::clone(&driver)));
        let more = Arc::clone(&driver);
        tasks.spawn(async move { more.go_on().await });
        tasks.spawn(memory::watch(Arc::clone(&driver), config.memory_limit));
        tasks.spawn(watch_disk(Arc::clone(&driver), config.disk.reserve));
        tasks.spawn(do_chores(Arc::clone(&driver), config.disk, inbox));
        let log = queue;
        Ok(Server {
            driver,
            log,
            writer,
            tasks,
            client: client_at,
            secure: secure_at,
            admin: admin_at,
            _locks: locks,
        })
    }

    /// Hands leadership over, lets clients go, makes the log durable, and ends.
    pub(crate) async fn stop(mut self) {
        let drained = self.driver.call(AdminRequest::Drain);
        if timeout(Duration::from_secs(15), drained).await.is_err() {
            tracing::warn!("not all clients left in time");
        }
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.log.stop();
        let writer = self.writer;
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }

    /// The core, for tests and the admin port.
    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }
}

async fn listen_if(at: Option<SocketAddr>, who: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(at) = at else { return Ok(None) };
    let listener = sockets::listen(at).await;
    let listener = listener.with_context(|| format!("listen for {who} on {at}"))?;
    Ok(Some(listener))
}

async fn tick(driver: Arc<Driver>) {
    let mut every = interval(Duration::from_millis(10));
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        driver.step(Input::Tick);
    }
}

/// Tells the core when space runs low, and when there is enough again (with some distance, so
/// that it does not flap). Often enough that nobody writes all of the reserve in between.
async fn watch_disk(driver: Arc<Driver>, reserve: u64) {
    let mut every = interval(Duration::from_millis(100));
    let mut low = false;
    loop {
        every.tick().await;
        let free = driver.metrics.disk().free_bytes;
        let now_low = if low { free < reserve + reserve / 2 } else { free < reserve };
        if now_low != low {
            low = now_low;
            tracing::warn!(low, free, reserve, "free space of the data folder");
            driver.step(Input::DiskLow(low));
        }
    }
}

async fn do_chores(driver: Arc<Driver>, disk: DiskConfig, mut inbox: UnboundedReceiver<Chore>) {
    while let Some(chore) = inbox.recv().await {
        match chore {
            Chore::SaveSnapshot(snapshot) => {
                let (driver, disk) = (Arc::clone(&driver), disk.clone());
                tokio::task::spawn_blocking(move || {
                    let began = Instant::now();
                    let bytes = snapshots::save(&disk, &snapshot);
                    let counted = driver.metrics.counted();
                    counted.saved_snapshot(began.elapsed(), bytes.is_ok());
                    if bytes.is_ok() {
                        let zxid = snapshot.image.zxid;
                        driver.metrics.snapshot_stored(zxid, SystemTime::now());
                    }
                    if let Err(error) = &bytes {
                        tracing::error!(%error, "save a snapshot");
                    }
                    let (meta, bytes) = (snapshot.meta.clone(), bytes.ok());
                    driver.step(Input::SnapshotSaved { meta, bytes });
                });
            }
            Chore::SendSnapshot { to, term, index } => {
                let (driver, disk) = (Arc::clone(&driver), disk.clone());
                tokio::spawn(snapshot_stream::send(driver, disk, to, term, index));
            }
            Chore::Wipe => {
                match folder::ask_wipe(&disk) {
                    Ok(()) => tracing::warn!("removed from the ensemble: starting anew as blank"),
                    Err(error) => tracing::error!(%error, "ask for a blank start"),
                }
                // The next start archives the data; whoever runs this process starts it again.
                tokio::time::sleep(Duration::from_millis(200)).await;
                std::process::exit(0);
            }
            Chore::Fatal(why) => {
                tracing::error!(why, "this member must not go on");
                std::process::abort();
            }
        }
    }
}
