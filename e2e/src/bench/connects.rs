//! Sessions that come and go: a connection, a handshake, a close, and again.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Result, bail};
use quorate_zk::{Handshake, Reply, Request, Session};

use super::link::{Link, Poll, SESSION_MS, granted};
use super::tally::Tally;
use super::workload::Workload;

/// Where a session is.
struct Visit {
    link: Link<()>,
    address: SocketAddr,
    began: Instant,
    connected: bool,
    closed: bool,
}

impl Visit {
    fn begin(address: SocketAddr, now: Instant) -> Result<Self> {
        let mut link = Link::dial(address)?;
        link.never_wait()?;
        Handshake::of(&Session::default(), SESSION_MS).encode(&mut link.out);
        link.flush()?;
        Ok(Visit { link, address, began: now, connected: false, closed: false })
    }

    fn receive(&mut self) -> Result<()> {
        let Visit { link, connected, closed, .. } = self;
        link.receive(|link, frame| {
            if *connected {
                if let Some(error) = Reply::parse(frame)?.error {
                    bail!("a close is refused: {error}");
                }
                *closed = true;
            } else {
                granted(frame)?;
                *connected = true;
                Request::Close.encode(1, &mut link.out);
            }
            Ok(())
        })?;
        link.flush()?;
        Ok(())
    }
}

/// Runs until the tally's window is over.
///
/// # Errors
/// If a server does not take a connection.
pub(super) fn run(addresses: &[SocketAddr], workload: Workload, tally: &mut Tally) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut visits = Vec::new();
    let now = tally.now()?;
    for (number, address) in addresses.iter().cycle().take(workload.clients).enumerate() {
        let visit = Visit::begin(*address, now)?;
        poll.add(&visit.link.stream, number)?;
        visits.push(visit);
    }
    let mut ready = Vec::new();
    while !tally.is_over() {
        poll.wait(&mut ready)?;
        let now = tally.now()?;
        for number in ready.drain(..) {
            let Some(visit) = visits.get_mut(number) else {
                continue;
            };
            if let Err(error) = visit.receive() {
                tally.failed(|| format!("a session did not come and go: {error:#}"));
            } else if visit.closed {
                tally.done(now, visit.began);
            } else {
                continue;
            }
            *visit = Visit::begin(visit.address, now)?;
            poll.add(&visit.link.stream, number)?;
        }
    }
    Ok(())
}
