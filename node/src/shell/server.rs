//! One server: its disk, its core, its ports, and how it stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::accept::Port;
use super::admin::{self, http};
use super::clients::budget::Budget;
use super::clients::port::{Clients, Limits};
use super::clock;
use super::disk::recovery::{self, Found};
use super::disk::writer::{self, Log, LogQueue, Told};
use super::disk::{DiskConfig, DiskError, files, snapshots};
use super::driver::{Chore, Driver};
use super::inspect::inspector::Inspector;
use super::inspect::shown::Shown;
use super::listeners::{Addresses, Listeners};
use super::metrics::Metrics;
use super::peers::links::keep_links;
use super::seats::Seats;
use super::tls::TlsConfig;
use super::tls::acceptor::Tls;
use super::tls::members::{PeerTlsConfig, Security};
use super::{chores, clients, disk_space, limits, memory, peers};
use crate::codec::versions;
use crate::core::input::{AdminRequest, Input};
use crate::core::node::{Luck, Recovered};
use crate::core::options::Options;
use crate::core::recovery::Surroundings;
use crate::core::types::WriteSeq;

/// Everything that a server is told when it starts.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    /// For the core.
    pub(crate) options: Options,
    /// For the disk.
    pub(crate) disk: DiskConfig,
    /// Where it listens.
    pub(crate) addresses: Addresses,
    /// The secure client port's certificates; needed if it listens there.
    pub(crate) tls: Option<TlsConfig>,
    /// Between members; `None`: they talk in clear.
    pub(crate) peer_tls: Option<PeerTlsConfig>,
    /// See [`admin::Admin::token_file`].
    pub(crate) token_file: Option<PathBuf>,
    /// For the client port.
    pub(crate) limits: Limits,
    /// Bytes of memory; close to them no new data is taken.
    pub(crate) memory_limit: u64,
    /// Shown by words and admin commands.
    pub(crate) shown: Shown,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    driver: Arc<Driver>,
    log: LogQueue,
    writer: JoinHandle<()>,
    tasks: JoinSet<()>,
    /// Where clients connect without TLS, with the port that was really taken.
    pub(crate) client: Option<SocketAddr>,
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
        // Before anything is recovered: that a port or a certificate cannot be used is told at once.
        let listeners = Listeners::open(&config.addresses).await?;
        let tls = config.tls.clone().map(Tls::load).transpose()?;
        let security = Security::load(config.peer_tls.clone())?;
        let client = listeners.client.as_ref().and_then(Port::address);
        // It counts from the first look.
        clock::uptime();
        let metrics = Metrics::new()?;
        let alone = config.options.static_list.len() == 1;
        let place = config.options.surroundings();
        let (found, log) = recover(&config.disk, alone, place, &metrics).await?;
        let (queue, news) = (LogQueue::default(), Arc::new(OnceLock::new()));
        let (chores, inbox) = unbounded_channel();
        let boot = u64::from_be_bytes(files::entropy()?);
        let luck = Luck { boot, secret: files::entropy()? };
        let recovered = Recovered {
            member: found.identity.member,
            ensemble: found.identity.ensemble,
            hard: found.hard,
            snapshot: found.snapshot,
            entries: found.entries,
            repairing: found.damage.is_some(),
            elsewhere: found.elsewhere,
            imported: found.imported,
        };
        let options = Options { can: versions::capabilities(), ..config.options.clone() };
        let driver = Driver::start(options, recovered, luck, queue.clone(), chores, metrics);
        // Before the log thread begins, so that none of its news is lost.
        let _ = news.set(Arc::downgrade(&driver));
        let writer = writer::start(log, queue.clone(), LogNews(news))?;
        let mut tasks = JoinSet::new();
        keep_going(&mut tasks, &driver, &config, &security, inbox);
        let ways = Ways { listeners, tls, security };
        serve(&mut tasks, ways, config, &driver);
        Ok(Server { driver, log: queue, writer, tasks, client, _locks: found.locks })
    }

    /// Hands leadership over, lets clients go, makes the log durable, and ends.
    pub(crate) async fn stop(mut self) {
        let drained = self.driver.call(AdminRequest::Drain);
        if timeout(Duration::from_secs(15), drained).await.is_err() {
            tracing::warn!("not all clients left in time: they are disconnected");
        }
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.log.stop();
        let writer = self.writer;
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }

    /// Whether clients are served.
    pub(crate) fn serves(&self) -> bool {
        self.driver.status().serving
    }
}

/// Reads the disk, which may take long.
async fn recover(
    disk: &DiskConfig,
    alone: bool,
    place: Surroundings,
    metrics: &Metrics,
) -> anyhow::Result<(Found, Log)> {
    let began = Instant::now();
    let config = disk.clone();
    let opened = tokio::task::spawn_blocking(move || recovery::open(&config, alone, place));
    let (found, log) = opened.await??;
    if let Some(damage) = &found.damage {
        tracing::error!(%damage, "the log is damaged: this member does not vote until repaired");
    }
    metrics.zookeeper().recovered(began.elapsed(), found.entries.len());
    if let Some(snapshot) = &found.snapshot {
        let file = snapshots::list(disk).into_iter().next();
        let stored = file.and_then(|(_, _, path)| path.metadata().ok()?.modified().ok());
        metrics.snapshot_stored(snapshot.image.zxid, stored.unwrap_or_else(SystemTime::now));
    }
    let (member, entries) = (found.identity.member, found.entries.len());
    tracing::info!(%member, entries, "the data folder is recovered");
    Ok((found, log))
}

/// What runs whoever is connected.
fn keep_going(
    tasks: &mut JoinSet<()>,
    driver: &Arc<Driver>,
    config: &ServerConfig,
    security: &Security,
    inbox: UnboundedReceiver<Chore>,
) {
    let again = Arc::clone(driver);
    tasks.spawn(async move { again.step_again().await });
    tasks.spawn(tick(Arc::clone(driver)));
    tasks.spawn(memory::watch(Arc::clone(driver), config.memory_limit));
    tasks.spawn(disk_space::watch(Arc::clone(driver), config.disk.clone()));
    tasks.spawn(chores::do_chores(
        Arc::clone(driver),
        config.disk.clone(),
        security.clone(),
        inbox,
    ));
    let links = driver.wanted_links();
    tasks.spawn(keep_links(Arc::downgrade(driver), security.clone(), links));
    let (watched, metrics) = (security.clone(), driver.metrics.clone());
    tasks.spawn(async move { watched.watch(&metrics).await });
}

/// Ways in, and what guards them.
struct Ways {
    listeners: Listeners,
    tls: Option<Tls>,
    security: Security,
}

/// Opens the doors.
fn serve(
    tasks: &mut JoinSet<()>,
    Ways { listeners, tls, security }: Ways,
    config: ServerConfig,
    driver: &Arc<Driver>,
) {
    let limits = config.limits;
    let budget = Budget::new(limits.budget);
    let inspector = Arc::new(Inspector {
        driver: Arc::clone(driver),
        metrics: driver.metrics.clone(),
        budget: Arc::clone(&budget),
        disk: config.disk.clone(),
        shown: config.shown,
    });
    let seats = Seats::new(limits::connections(limits.connections), limits.per_address);
    let words = limits.words.clone().into();
    let clients = Clients { seats, budget, limits, inspector: Arc::clone(&inspector) };
    let clients = Arc::new(clients);
    if let Some(port) = listeners.client {
        tasks.spawn(clients::port::serve(port, None, Arc::clone(driver), Arc::clone(&clients)));
    }
    if let (Some(port), Some(tls)) = (listeners.secure, tls) {
        let tls = Arc::new(tls);
        let (watched, metrics) = (Arc::clone(&tls), driver.metrics.clone());
        tasks.spawn(async move { watched.watch(&metrics).await });
        tasks.spawn(clients::port::serve(port, Some(tls), Arc::clone(driver), clients));
    }
    let (peer, members) = (listeners.peer, Arc::clone(driver));
    tasks.spawn(peers::port::serve(peer, security, members, config.disk));
    let admin = admin::Admin { inspector, token_file: config.token_file, words };
    if let Some(port) = listeners.metrics {
        tasks.spawn(admin::port::serve(port, http::metrics_alone(admin.clone())));
    }
    if let Some(port) = listeners.admin {
        tasks.spawn(admin::port::serve(port, http::routes(admin)));
    }
}

async fn tick(driver: Arc<Driver>) {
    let mut every = interval(Duration::from_millis(10));
    every.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        every.tick().await;
        driver.step(Input::Tick);
    }
}
