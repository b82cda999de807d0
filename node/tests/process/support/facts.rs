//! What the system and the server's metrics say about a running server.

use super::ensemble::Member;
use super::http;

/// KiB of a field of `/proc/PID/status`.
pub(crate) fn memory(member: &mut Member, field: &str) -> u64 {
    let path = format!("/proc/{}/status", member.process().0.id());
    let text = std::fs::read_to_string(path).expect("read a process's status");
    let line = text.lines().find(|line| line.starts_with(field));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.unwrap_or_else(|| panic!("{field} in {text}"))
}

/// How many descriptors it has open.
pub(crate) fn descriptors(member: &mut Member) -> usize {
    let path = format!("/proc/{}/fd", member.process().0.id());
    std::fs::read_dir(path).expect("list descriptors").count()
}

/// A metric, with its labels if it has some; 0 for one with labels that was not counted yet.
pub(crate) fn metric(member: &Member, name: &str) -> f64 {
    let (_, text) = http::get(member.admin, "/metrics").expect("read metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    if line.is_none() && name.ends_with('}') {
        return 0.0;
    }
    let value = line.and_then(|value| value.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} in {text}"))
}
