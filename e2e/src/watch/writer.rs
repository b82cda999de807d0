//! Clients that write without pause: the crate zookeeper-client, each in a session of its own. They
//! repeat reads, never writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error};

use crate::clients::session::client;
use crate::common::until::until;
use crate::watch::accounting::{Ledger, Register, Seen};

const PERSISTENT: CreateOptions<'static> = CreateMode::Persistent.with_acls(Acls::anyone_all());
/// An answer that takes longer counts as none.
const PATIENCE: Duration = Duration::from_secs(20);
/// Every so many writes, one makes a new znode.
const CREATE_EVERY: u64 = 16;

/// Writers at work. They end when this is dropped.
pub(crate) struct Writer {
    connect: String,
    stop: watch::Sender<bool>,
    acknowledged: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<Result<(Ledger, Written)>>>,
}

/// What one client has written.
struct Written {
    path: String,
    register: Register,
    /// Znodes whose creation was acknowledged.
    created: Vec<String>,
}

impl Writer {
    /// Begins to write below `/<root>`, and returns once every client's first write succeeded.
    pub(crate) async fn start(connect: &str, root: &str, clients: usize) -> Result<Self> {
        let (stop, _) = watch::channel(false);
        let acknowledged = Arc::new(AtomicU64::new(0));
        let setup = client(connect).await?;
        let started = Instant::now();
        let mut tasks = Vec::new();
        for i in 0..clients {
            let path = format!("/{root}/{i}");
            setup.mkdir(&format!("{path}/made"), &PERSISTENT).await?;
            let one = One {
                connect: connect.to_owned(),
                client: client(connect).await?,
                started,
                ledger: Ledger::default(),
                written: Written { path, register: Register::default(), created: Vec::new() },
                acknowledged: Arc::clone(&acknowledged),
            };
            tasks.push(tokio::spawn(one.run(stop.subscribe())));
        }
        let writer = Writer { connect: connect.to_owned(), stop, acknowledged, tasks };
        writer.writes(clients as u64).await?;
        Ok(writer)
    }

    /// How many writes were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Returns once so many more writes were acknowledged.
    pub(crate) async fn writes(&self, more: u64) -> Result<()> {
        let wanted = self.acknowledged() + more;
        until("writes are acknowledged", 60, async || {
            let now = self.acknowledged();
            ensure!(now >= wanted, "{} are missing", wanted - now);
            Ok(())
        })
        .await
    }

    /// Stops, looks for every acknowledged write, and gives the record.
    pub(crate) async fn finish(self) -> Result<Ledger> {
        let _ = self.stop.send(true);
        let mut all = Ledger::default();
        let reader = client(&self.connect).await?;
        for task in self.tasks {
            let (mut ledger, mut written) = task.await.context("a writer broke down")??;
            verify(&reader, &mut ledger, &mut written).await?;
            all.join(ledger);
        }
        Ok(all)
    }
}

/// Looks for all that was acknowledged.
async fn verify(reader: &Client, ledger: &mut Ledger, written: &mut Written) -> Result<()> {
    reader.sync(&written.path).await?;
    let (data, stat) = reader.get_data(&written.path).await?;
    if let Err(lost) = written.register.read(number(&data), stat.version) {
        ledger.lost.push(format!("{}: {lost}", written.path));
    }
    // Each acknowledged write raised the version by one.
    ledger.verified = ledger.acknowledged.len() as u64;
    for some in written.created.chunks(100) {
        let found = some.iter().map(|path| reader.check_stat(path));
        for (path, stat) in some.iter().zip(futures::future::join_all(found).await) {
            if stat?.is_none() {
                ledger.lost.push(format!("{path} was acknowledged, but is not there"));
                ledger.verified -= 1;
            }
        }
    }
    Ok(())
}

/// The value that a register's znode holds; a new one holds nothing.
fn number(data: &[u8]) -> u64 {
    String::from_utf8_lossy(data).parse().unwrap_or_default()
}

struct One {
    connect: String,
    client: Client,
    started: Instant,
    ledger: Ledger,
    written: Written,
    acknowledged: Arc<AtomicU64>,
}

impl One {
    async fn run(mut self, stop: watch::Receiver<bool>) -> Result<(Ledger, Written)> {
        let mut turn = 0;
        // An error here means that whoever started this is gone.
        while matches!(stop.has_changed(), Ok(false)) {
            turn += 1;
            if turn % CREATE_EVERY == 0 {
                self.create(turn).await?;
            } else {
                self.set().await?;
            }
        }
        self.ledger.end(self.started.elapsed());
        Ok((self.ledger, self.written))
    }

    /// Writes the register's next value, on the version that is known.
    async fn set(&mut self) -> Result<()> {
        let (value, version) = self.written.register.write();
        let data = value.to_string();
        let begun = Instant::now();
        let set = self.client.set_data(&self.written.path, data.as_bytes(), Some(version));
        match answer(set).await {
            Ok(stat) => {
                self.succeeded(begun);
                if let Err(lost) = self.written.register.acknowledged(value, stat.version) {
                    self.ledger.lost.push(format!("{}: {lost}", self.written.path));
                }
                Ok(())
            }
            Err(error) => {
                self.ledger.fail(error.to_string());
                if error != Error::BadVersion {
                    self.written.register.doubt(value);
                }
                self.look().await?;
                Ok(())
            }
        }
    }

    /// Makes a new znode.
    async fn create(&mut self, turn: u64) -> Result<()> {
        let path = format!("{}/made/{turn}", self.written.path);
        let begun = Instant::now();
        match answer(self.client.create(&path, b"", &PERSISTENT)).await {
            Ok(_) => {
                self.succeeded(begun);
                self.written.created.push(path);
            }
            Err(error) => {
                self.ledger.fail(error.to_string());
                self.look().await?;
            }
        }
        Ok(())
    }

    fn succeeded(&mut self, begun: Instant) {
        self.ledger.acknowledge(self.started.elapsed(), begun.elapsed());
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads until that succeeds, and so learns what became of doubtful writes.
    async fn look(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(120);
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            match self.read().await {
                Ok((value, version)) => {
                    match self.written.register.read(value, version) {
                        Ok(Seen::Unchanged) => {}
                        Ok(Seen::Applied) => self.ledger.applied += 1,
                        Err(lost) => {
                            self.ledger.lost.push(format!("{}: {lost}", self.written.path));
                            // What follows is to be judged by itself.
                            self.written.register.restart(value, version);
                        }
                    }
                    return Ok(());
                }
                Err(Error::SessionExpired | Error::ClientClosed) => {
                    self.ledger.sessions_lost += 1;
                    self.client = client(&self.connect).await?;
                }
                Err(error) => ensure!(Instant::now() < deadline, "no read succeeds: {error}"),
            }
        }
    }

    async fn read(&self) -> Result<(u64, i32), Error> {
        let path = &self.written.path;
        answer(self.client.sync(path)).await?;
        let (data, stat) = answer(self.client.get_data(path)).await?;
        Ok((number(&data), stat.version))
    }
}

/// What the server answers, or that it does not.
async fn answer<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, request).await.unwrap_or(Err(Error::Timeout))
}
