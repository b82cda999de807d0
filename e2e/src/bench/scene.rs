//! The znodes that a workload works on, made before it begins.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use quorate_zk::{Code, OPEN, Request, flags};

use super::content;
use super::link::Link;
use super::workload::Workload;

/// How many znodes reads are spread over.
const SHARED: usize = 1000;
/// Znodes that each session may have for itself.
pub(super) const OWN: usize = 4;

/// Paths of what is there.
#[derive(Debug)]
pub(super) struct Scene {
    /// Read by all; the content of each is made for its place.
    pub(super) shared: Vec<String>,
    /// For each session, its own; their content is made for 0, their version is 0.
    pub(super) own: Vec<Vec<String>>,
}

impl Scene {
    /// Makes what is not there yet.
    ///
    /// # Errors
    /// If a znode cannot be made.
    pub(super) fn make(address: SocketAddr, workload: Workload) -> Result<Self> {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let bytes = workload.bytes;
        let (commons, own) = (format!("/read-{bytes}"), format!("/own-{run}"));
        let shared: Vec<String> = (0..SHARED).map(|it| format!("{commons}/n{it}")).collect();
        let of_session = |session: usize| {
            let all = (0..OWN).map(|slot| format!("{own}/s{session}-{slot}"));
            all.collect::<Vec<String>>()
        };
        let scene = Scene { own: (0..workload.clients).map(of_session).collect(), shared };
        let numbered = scene.shared.iter().zip(0..);
        let owned = scene.own.iter().flatten().map(|path| (path, 0));
        let parents = [(&commons, 0), (&own, 0)];
        create(address, parents.into_iter().chain(numbered).chain(owned), bytes)?;
        Ok(scene)
    }
}

/// Creates znodes in order, each with the content for its number, unless they are there.
///
/// # Errors
/// If the server refuses one.
pub(super) fn create<'a>(
    address: SocketAddr,
    znodes: impl Iterator<Item = (&'a String, u64)>,
    bytes: usize,
) -> Result<()> {
    let mut link: Link<()> = Link::open(address)?;
    let (mut data, mut out, mut count) = (Vec::new(), Vec::new(), 0);
    let mut flush = |out: &mut Vec<u8>, count: &mut usize| {
        let errors = link.call(*count, out)?;
        let bad = errors.into_iter().flatten().find(|it| *it != Code::NodeExists);
        if let Some(error) = bad {
            bail!("a znode is refused: {error}");
        }
        out.clear();
        *count = 0;
        Ok(())
    };
    for (path, number) in znodes {
        content::make(number, bytes, &mut data);
        let flags = flags::PERSISTENT;
        Request::Create { path, data: Some(&data), acl: OPEN, flags }.encode(1, &mut out);
        count += 1;
        if count == 256 {
            flush(&mut out, &mut count)?;
        }
    }
    flush(&mut out, &mut count)
}

/// A session that sees all that was made before.
///
/// # Errors
/// If the server does not serve.
pub(super) fn session<E>(address: SocketAddr) -> Result<Link<E>> {
    let mut link = Link::open(address)?;
    let mut out = Vec::new();
    Request::Sync { path: "/" }.encode(1, &mut out);
    if let Some(error) = link.call(1, &out)?.into_iter().flatten().next() {
        bail!("sync is refused: {error}");
    }
    link.never_wait()?;
    Ok(link)
}
