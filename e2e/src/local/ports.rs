//! Ports of loopback that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};

/// Below the range from which the system takes ports for outgoing connections.
const RANGE: std::ops::Range<u16> = 24_000..32_000;

/// The first of so many free ports in a row. Never the same twice in a process; processes that run
/// at the same time begin at different places.
///
/// # Errors
/// If all are taken.
pub(crate) fn free(count: u16) -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let length = RANGE.end - RANGE.start;
    let tried = (0..length / count.max(1)).find_map(|_| {
        let number = u32::from(NEXT.fetch_add(count, Ordering::Relaxed));
        let offset = std::process::id().wrapping_mul(97).wrapping_add(number) % u32::from(length);
        let port = RANGE.start + u16::try_from(offset).ok()?;
        let fits = port + count <= RANGE.end;
        (fits && (port..port + count).all(is_free)).then_some(port)
    });
    tried.context("no ports are free")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
