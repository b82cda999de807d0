//! How much memory this process may use, and uses.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use super::driver::Driver;
use crate::core::input::Input;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that the operating system grants: the least that a control group of this process allows,
/// or all that the machine has.
pub(crate) fn granted() -> u64 {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = own.lines().flat_map(files_of).filter_map(|file| {
        // A file that is not there, or says `max`, bounds nothing.
        let text = std::fs::read_to_string(Path::new(GROUPS).join(file)).ok()?;
        text.trim().parse().ok()
    });
    let machine = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = kib(&machine, "MemTotal:").unwrap_or(u64::MAX);
    groups.fold(machine, u64::min)
}

/// The files with the limits of a group and of those around it, by its line of
/// `/proc/self/cgroup`: `0::/a/b`, or `4:memory:/a/b` where there is one tree for each resource.
fn files_of(line: &str) -> Vec<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (folder, file) = match parts.next() {
        Some("") => ("", "memory.max"),
        Some(kinds) if kinds.split(',').any(|kind| kind == "memory") => {
            ("memory/", "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let path = parts.next().unwrap_or_default().trim_matches('/');
    let around = path.match_indices('/').map(|(at, _)| &path[..at]);
    let mut files: Vec<String> = around.map(|it| format!("{folder}{it}/{file}")).collect();
    files.push(format!("{folder}{file}"));
    if !path.is_empty() {
        files.push(format!("{folder}{path}/{file}"));
    }
    files
}

/// Bytes of a field that the kernel tells in KiB.
fn kib(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

/// Bytes that this process uses and that cannot be had back by dropping caches.
fn used() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib(&status, "RssAnon:")
}

/// What clients may take of it for requests and replies in progress, and as much again for watches.
pub(crate) fn for_clients(limit: u64) -> usize {
    const LEAST: u64 = 16 << 20;
    const MOST: u64 = 1 << 30;
    usize::try_from((limit / 8).clamp(LEAST, MOST)).unwrap_or(usize::MAX)
}

/// Tells the core when memory runs short, before the operating system ends the process, and when
/// there is enough again.
pub(super) async fn watch(driver: Arc<Driver>, limit: u64) {
    let mut every = interval(Duration::from_millis(200));
    let mut low = false;
    loop {
        every.tick().await;
        let Some(used) = used() else { return };
        let percent = if low { 75 } else { 80 };
        let now_low = used > limit / 100 * percent;
        if now_low != low {
            low = now_low;
            if low {
                tracing::warn!(
                    used,
                    limit,
                    "memory is nearly used up: writes that need memory are refused; delete \
                     znodes, or give the process more"
                );
            } else {
                tracing::info!(used, limit, "there is enough memory again");
            }
            driver.step(Input::MemoryLow(low));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_bounded_by_itself_and_by_those_around_it() {
        let files = files_of("0::/pods/one/node");
        let expected = ["pods", "pods/one", "", "pods/one/node"]
            .map(|it| format!("{it}/memory.max").trim_start_matches('/').to_owned());
        assert_eq!(files, expected);
        assert_eq!(files_of("0::/"), ["memory.max"]);
        let old = "memory/memory.limit_in_bytes";
        assert_eq!(files_of("9:cpu,memory:/"), [old]);
        assert!(files_of("8:cpu:/a").is_empty());
        assert!(files_of("nonsense").is_empty());
    }

    #[test]
    fn what_is_granted_is_no_more_than_the_machine_has_and_more_than_is_used() {
        let machine = std::fs::read_to_string("/proc/meminfo").unwrap();
        let machine = kib(&machine, "MemTotal:").unwrap();
        assert!(granted() <= machine);
        assert!(used().unwrap() < granted());
        assert_eq!(kib("MemTotal:      12 kB\n", "MemTotal:"), Some(12 << 10));
        assert_eq!(for_clients(0), 16 << 20);
        assert_eq!(for_clients(512 << 20), 64 << 20);
    }
}
