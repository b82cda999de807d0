//! What happens to an ensemble beside its work: a leader's end, a restart of all, and what it takes
//! of memory and disk.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quorate_zk::{Request, Session};

use super::MORE;
use super::content;
use super::link::{Link, SESSION_MS};
use super::scene;
use super::usage;
use crate::common::progress::say;
use crate::local::{LocalEnsemble, Server, Size};

/// How many znodes are made, and the bytes of data in each.
const ZNODES: (usize, usize) = (100_000, 100);
/// Sessions that write while the leader is killed,
const WRITERS: usize = 16;
/// for so long before,
const BEFORE: Duration = Duration::from_secs(2);
/// and after.
const AFTER: Duration = Duration::from_secs(10);
/// Between two attempts to reach a server.
const PAUSE: Duration = Duration::from_millis(5);
/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Time for an ensemble to serve again.
const PATIENCE: Duration = Duration::from_secs(60);
const WRITTEN: &str = "/life/writer-";

/// What was measured; times in seconds, sizes in bytes (of one member, the median of three).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Life {
    pub(super) resident_empty: f64,
    /// Making them, znodes a second.
    pub(super) making_rate: f64,
    pub(super) resident_full: f64,
    pub(super) disk_full: f64,
    /// The longest time without any acknowledged write after the leader was killed.
    pub(super) outage: f64,
    /// Writes that were acknowledged and are gone.
    pub(super) lost: u64,
    /// After all were killed: until a write is acknowledged,
    pub(super) restart_first: f64,
    /// and until every member has one acknowledged.
    pub(super) restart_all: f64,
    pub(super) resident_restarted: f64,
}

/// Measures a new ensemble.
///
/// # Errors
/// If it does not serve.
pub(super) async fn measure(server: &Server) -> Result<Life> {
    let mut ensemble = LocalEnsemble::start_of(server, 3, MORE, Size::Full).await?;
    let outcome = measured(&mut ensemble).await;
    if outcome.is_err() {
        ensemble.print_logs(20);
    }
    outcome
}

async fn measured(ensemble: &mut LocalEnsemble) -> Result<Life> {
    let addresses: Result<Vec<SocketAddr>> =
        (0..ensemble.len()).map(|at| Ok(ensemble.address(at)?.parse()?)).collect();
    let addresses = addresses?;
    let resident_empty = resident(ensemble)?;
    say("making 100k znodes");
    let first = *addresses.first().context("there are servers")?;
    let began = Instant::now();
    tokio::task::spawn_blocking(move || fill(first)).await??;
    let making_rate = ZNODES.0 as f64 / began.elapsed().as_secs_f64();
    let (resident_full, disk_full) = (resident(ensemble)?, disk(ensemble)?);
    say("killing the leader under writes");
    let (outage, lost) = leader_killed(ensemble, &addresses).await?;
    say("restarting all");
    for at in 0..ensemble.len() {
        ensemble.kill(at)?;
    }
    let began = Instant::now();
    ensemble.start_all()?;
    let asked = addresses.clone();
    let served = tokio::task::spawn_blocking(move || served(&asked)).await??;
    let took = |at: Option<&Instant>| at.map(|it| (*it - began).as_secs_f64());
    Ok(Life {
        resident_empty,
        making_rate,
        resident_full,
        disk_full,
        outage,
        lost,
        restart_first: took(served.first()).context("a member serves")?,
        restart_all: took(served.last()).context("a member serves")?,
        resident_restarted: resident(ensemble)?,
    })
}

fn fill(address: SocketAddr) -> Result<()> {
    let (count, bytes) = ZNODES;
    let parents = (0..WRITERS).map(|writer| format!("{WRITTEN}{writer}"));
    let parents: Vec<String> = ["/life".to_owned()].into_iter().chain(parents).collect();
    // Each writer's znode, and in it a part of all.
    let all = (0..count).map(|it| format!("{WRITTEN}{}/n{it}", it % WRITERS));
    let all: Vec<String> = all.collect();
    scene::create(address, parents.iter().chain(&all).map(|it| (it, 0)), bytes)
}

fn middle(mut sizes: Vec<u64>) -> f64 {
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0) as f64
}

fn resident(ensemble: &LocalEnsemble) -> Result<f64> {
    let sizes: Result<Vec<u64>> = ensemble.pids().into_iter().map(usage::resident).collect();
    Ok(middle(sizes?))
}

fn disk(ensemble: &LocalEnsemble) -> Result<f64> {
    let sizes: Result<Vec<u64>> = ensemble.folders().map(usage::on_disk).collect();
    Ok(middle(sizes?))
}

/// A session that waits for each answer.
struct Writer {
    link: Link<()>,
    session: Session,
}

impl Writer {
    /// Goes on with a session, or begins one.
    fn connect(address: SocketAddr, session: &Session) -> Result<Self> {
        let mut link = Link::dial(address)?;
        link.stream.set_read_timeout(Some(ANSWER))?;
        let session = link.handshake(session, SESSION_MS)?;
        Ok(Writer { link, session })
    }

    fn set(&mut self, path: &str, number: u64) -> Result<()> {
        let (mut data, mut out) = (Vec::new(), Vec::new());
        content::make(number, ZNODES.1, &mut data);
        Request::SetData { path, data: Some(&data), version: -1 }.encode(1, &mut out);
        match self.link.call(1, &out)?.into_iter().flatten().next() {
            None => Ok(()),
            Some(error) => bail!("a write is refused: {error}"),
        }
    }
}

/// Writes from several sessions while the leader is killed; the longest gap, and what was lost.
async fn leader_killed(
    ensemble: &mut LocalEnsemble,
    addresses: &[SocketAddr],
) -> Result<(f64, u64)> {
    let over = AtomicBool::new(false);
    let acknowledged = Mutex::new(Vec::new());
    let leader = ensemble.leader().await?;
    let (last, killed) = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (over, acknowledged) = (&over, &acknowledged);
                scope.spawn(move || keep_writing(writer, addresses, over, acknowledged))
            })
            .collect();
        thread::sleep(BEFORE);
        let killed = Instant::now();
        let outcome = ensemble.kill(leader);
        thread::sleep(AFTER);
        over.store(true, Ordering::Relaxed);
        // One that broke down knows of no write: nothing could be found to be lost.
        let last = writers.into_iter().map(|it| it.join().ok().context("a writer broke down"));
        let last: Result<Vec<u64>> = last.collect();
        outcome.and(last).map(|last| (last, killed))
    })?;
    let mut times = acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.sort_unstable();
    times.push(Instant::now());
    let since = times.windows(2).filter_map(|pair| match pair {
        [before, after] if *after > killed => Some((*after - *before).as_secs_f64()),
        _ => None,
    });
    let outage = since.fold(0.0, f64::max);
    ensemble.resume(leader).await?;
    let mut lost = 0;
    for (writer, acknowledged) in last.into_iter().enumerate() {
        let address = *addresses.get(leader).context("the leader has an address")?;
        let seen = tokio::task::spawn_blocking(move || read(address, writer)).await??;
        lost += u64::from(seen < acknowledged);
    }
    Ok((outage, lost))
}

/// Writes rising numbers; gives the last that was acknowledged.
fn keep_writing(
    writer: usize,
    addresses: &[SocketAddr],
    over: &AtomicBool,
    acknowledged: &Mutex<Vec<Instant>>,
) -> u64 {
    let path = format!("{WRITTEN}{writer}");
    let (mut number, mut last, mut session) = (0, 0, Session::default());
    for address in addresses.iter().cycle().skip(writer) {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let Ok(mut connection) = Writer::connect(*address, &session) else {
            thread::sleep(PAUSE);
            continue;
        };
        session = connection.session.clone();
        while !over.load(Ordering::Relaxed) {
            number += 1;
            if connection.set(&path, number).is_err() {
                break;
            }
            last = number;
            let mut times = acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
            times.push(Instant::now());
        }
    }
    last
}

/// The number that a writer's znode holds.
fn read(address: SocketAddr, writer: usize) -> Result<u64> {
    let mut link: Link<()> = Link::open(address)?;
    let mut out = Vec::new();
    Request::Sync { path: "/" }.encode(1, &mut out);
    link.call(1, &out)?;
    let content = link.get(&format!("{WRITTEN}{writer}"))?;
    let head = content.first_chunk().context("a number in the data")?;
    Ok(u64::from_be_bytes(*head))
}

/// When each member first acknowledged a write, in order.
fn served(addresses: &[SocketAddr]) -> Result<Vec<Instant>> {
    let deadline = Instant::now() + PATIENCE;
    let mut times = thread::scope(|scope| {
        let waiting: Vec<_> = addresses
            .iter()
            .map(|address| scope.spawn(move || serves(*address, deadline)))
            .collect();
        let ended = waiting.into_iter().map(|it| match it.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("waiting for a member panicked"),
        });
        ended.collect::<Result<Vec<Instant>>>()
    })?;
    times.sort_unstable();
    Ok(times)
}

fn serves(address: SocketAddr, deadline: Instant) -> Result<Instant> {
    loop {
        let outcome = Writer::connect(address, &Session::default())
            .and_then(|mut it| it.set(&format!("{WRITTEN}0"), 1));
        match outcome {
            Ok(()) => return Ok(Instant::now()),
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!("{address} does not serve")));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
