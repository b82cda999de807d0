//! All sessions watch one znode; it is changed once each of them has seen the last change and
//! watches again. An operation is an event that arrives, its latency counts from the change.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quorate_zk::{Reply, Request, data};

use super::content;
use super::link::{Link, Poll};
use super::scene::{self, Scene};
use super::tally::Tally;
use super::workload::Workload;

/// Time for a round, beyond which the servers count as stuck.
const ROUND: Duration = Duration::from_secs(15);

/// Where a round is.
struct Round {
    /// How often the znode was changed.
    number: u64,
    changed: Instant,
    /// Watchers that watch again.
    armed: usize,
    /// Whether the change is acknowledged.
    acknowledged: bool,
}

struct Watcher {
    link: Link<()>,
    /// Whether it was told of this round's change.
    told: bool,
}

/// Runs until the tally's window is over.
///
/// # Errors
/// If a session ends, or a round does not.
pub(super) fn run(
    addresses: &[SocketAddr],
    workload: Workload,
    scene: &Scene,
    tally: &mut Tally,
) -> Result<()> {
    let path = scene.own.first().and_then(|own| own.first());
    let path = path.context("a session has a znode")?;
    let mut poll = Poll::new()?;
    let mut watchers = Vec::new();
    for (number, address) in addresses.iter().cycle().take(workload.clients).enumerate() {
        let link = scene::session(*address)?;
        poll.add(&link.stream, number)?;
        watchers.push(Watcher { link, told: true });
    }
    let mut writer: Link<()> = scene::session(*addresses.first().context("there are servers")?)?;
    poll.add(&writer.stream, watchers.len())?;
    let mut round = Round { number: 0, changed: tally.now()?, armed: 0, acknowledged: true };
    for watcher in &mut watchers {
        watcher.arm(path, round.changed);
        watcher.link.flush()?;
    }
    let (mut ready, mut data) = (Vec::new(), Vec::new());
    while !tally.is_over() {
        poll.wait(&mut ready)?;
        let now = tally.now()?;
        for number in ready.drain(..) {
            match watchers.get_mut(number) {
                Some(watcher) => watcher.receive(now, path, workload, &mut round, tally)?,
                None => acknowledged(&mut writer, &mut round)?,
            }
        }
        if round.armed == watchers.len() && round.acknowledged {
            round = Round {
                number: round.number + 1,
                changed: Instant::now(),
                armed: 0,
                acknowledged: false,
            };
            for watcher in &mut watchers {
                watcher.told = false;
            }
            content::make(round.number, workload.bytes, &mut data);
            let xid = writer.number(now, ());
            Request::SetData { path, data: Some(&data), version: -1 }.encode(xid, &mut writer.out);
            writer.flush()?;
        }
        if now.saturating_duration_since(round.changed) > ROUND {
            bail!("{} of {} watchers were told", round.armed, watchers.len());
        }
    }
    Ok(())
}

fn acknowledged(writer: &mut Link<()>, round: &mut Round) -> Result<()> {
    writer.receive(|_, frame| {
        if let Some(error) = Reply::parse(frame)?.error {
            bail!("a change is refused: {error}");
        }
        round.acknowledged = true;
        Ok(())
    })
}

impl Watcher {
    fn arm(&mut self, path: &str, now: Instant) {
        arm(&mut self.link, path, now);
    }

    fn receive(
        &mut self,
        now: Instant,
        path: &str,
        workload: Workload,
        round: &mut Round,
        tally: &mut Tally,
    ) -> Result<()> {
        let Watcher { link, told } = self;
        link.receive(|link, frame| {
            let reply = Reply::parse(frame)?;
            if reply.is_event() {
                if *told {
                    tally.violated(|| "an event came twice".to_owned());
                }
                *told = true;
                tally.done(now, round.changed);
                arm(link, path, now);
                return Ok(());
            }
            if let Some(error) = reply.error {
                bail!("a read is refused: {error}");
            }
            let (data, _) = data(reply.body)?;
            if !*told {
                tally.violated(|| "a change was seen before its event".to_owned());
            }
            if let Err(wrong) = content::check(data, round.number, workload.bytes) {
                tally.violated(|| format!("after the event: {wrong:#}"));
            }
            round.armed += 1;
            Ok(())
        })?;
        link.flush()?;
        Ok(())
    }
}

fn arm(link: &mut Link<()>, path: &str, now: Instant) {
    let xid = link.number(now, ());
    link.in_flight.clear();
    Request::GetData { path, watch: true }.encode(xid, &mut link.out);
}
