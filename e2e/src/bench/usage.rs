//! What processes take of the machine, as the kernel tells.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The kernel's unit of CPU time in `/proc/PID/stat`: the same on all Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time until an instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cpu {
    pub(super) at: Instant,
    /// Of all servers.
    pub(super) servers: Duration,
    /// Of the calling thread, which makes the load.
    pub(super) generator: Duration,
}

impl Cpu {
    pub(super) fn now(servers: &[u32]) -> Result<Self> {
        let times: Result<Vec<Duration>> = servers.iter().map(|pid| of_process(*pid)).collect();
        Ok(Cpu { at: Instant::now(), servers: times?.iter().sum(), generator: of_this_thread()? })
    }
}

fn of_process(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before the parenthesis may hold anything.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has a name")?;
    let times = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = times.filter_map(|it| it.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

fn of_this_thread() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split_whitespace().next();
    Ok(Duration::from_nanos(nanos.context("schedstat")?.parse()?))
}

/// Resident memory in bytes.
pub(super) fn resident(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    let kib = line.and_then(|it| it.split_whitespace().next());
    Ok(kib.context("VmRSS")?.parse::<u64>()? << 10)
}

/// Bytes of the disk that a folder's files take.
pub(super) fn on_disk(folder: &Path) -> Result<u64> {
    let mut all = 0;
    for entry in fs::read_dir(folder)? {
        // One that has just gone takes nothing.
        let Ok(data) = entry.as_ref().map(fs::DirEntry::metadata) else {
            continue;
        };
        match data {
            Ok(data) if data.is_dir() => all += on_disk(&entry?.path())?,
            Ok(data) => all += data.blocks() * 512,
            Err(_) => {}
        }
    }
    Ok(all)
}
