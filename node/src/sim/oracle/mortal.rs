//! Znodes that end by themselves: none too early, and none that is in use.

use std::collections::BTreeMap;

use crate::core::entry::{Action, Entry, Payload};
use crate::core::op::{Body, Read, Stat};
use crate::core::state::{Glance, State};
use crate::core::types::{Index, Now, Reckoning, SessionId, Term, Wall, Zxid};

/// What a member's clock may gain without that being a jump, and as much again: by the leader's own
/// clock a write is as old as the request, which may have waited for its turn.
const TOLERANCE_MS: u64 = 2_000;

/// The path of a TTL znode of so many milliseconds, or of a container.
pub(crate) fn path(ttl: Option<i64>, name: &str) -> String {
    ttl.map_or_else(|| format!("/container-{name}"), |ttl| format!("/ttl-{ttl}-{name}"))
}

/// For how long a znode has to be left alone, by its path.
fn ttl_of(path: &str) -> Option<u64> {
    path.strip_prefix("/ttl-")?.split('-').next()?.parse().ok()
}

/// When what was written.
#[derive(Debug, Default)]
pub(super) struct Mortals {
    /// Clocks differ and are set: then only a leader's own stamps tell how old something is.
    skewed: bool,
    /// When each entry was stamped, or first written.
    proposed: BTreeMap<(Index, Term), u64>,
    /// The entry of each zxid.
    writes: BTreeMap<Zxid, (Index, Term)>,
}

/// A znode that a leader wants removed, as it was before.
pub(super) type Doomed = (String, Stat);

impl Mortals {
    pub(super) fn new(skewed: bool) -> Mortals {
        Mortals { skewed, ..Mortals::default() }
    }

    /// A member has it in its log. Where all clocks are right, the stamp tells when it was proposed.
    pub(super) fn written(&mut self, entry: &Entry, now: Now) {
        let stamped = match &entry.payload {
            Payload::Command(command) if !self.skewed => {
                let ago = now.wall.0.saturating_sub(command.wall.0);
                now.mono.0.saturating_sub(ago.unsigned_abs())
            }
            _ => now.mono.0,
        };
        let place = (entry.index, entry.term);
        self.proposed.entry(place).or_insert(stamped);
    }

    /// It took effect, the first one under this zxid: not all consume one.
    pub(super) fn applied(&mut self, entry: &Entry, zxid: Zxid) {
        let place = (entry.index, entry.term);
        self.writes.entry(zxid).or_insert(place);
    }

    /// What an entry may remove.
    pub(super) fn doomed(state: &State, entry: &Entry) -> Vec<Doomed> {
        let Payload::Command(command) = &entry.payload else {
            return Vec::new();
        };
        let Action::Reap(paths) = &command.action else {
            return Vec::new();
        };
        let known = |path: &String| Some((path.clone(), stat(state, path)?));
        paths.iter().filter_map(known).collect()
    }

    /// What it did remove had to go.
    pub(super) fn judge(
        &self,
        entry: &Entry,
        doomed: &[Doomed],
        state: &State,
        now: u64,
    ) -> Result<(), String> {
        for (path, before) in doomed {
            if stat(state, path).is_some() {
                continue;
            }
            if before.num_children > 0 {
                return Err(format!("{path} went with its children"));
            }
            let Some(ttl) = ttl_of(path) else {
                if before.cversion == 0 {
                    return Err(format!("{path} went before it had a child"));
                }
                continue;
            };
            let written = self.writes.get(&before.mzxid);
            let written = written.ok_or_else(|| format!("{path} was never written"))?;
            if self.skewed && written.1 != entry.term {
                continue;
            }
            let since = self.proposed.get(written).copied().unwrap_or_default();
            let least = ttl.saturating_sub(if self.skewed { TOLERANCE_MS } else { 0 });
            if now < since + least {
                return Err(format!("{path} went {} ms after it was written", now - since));
            }
        }
        Ok(())
    }

    /// What should be gone, were it this late.
    pub(super) fn overdue(&self, state: &State, wall: Wall) -> Vec<String> {
        let all = Glance { looks: usize::MAX, paths: 8, bytes: usize::MAX };
        if self.skewed {
            return Vec::new();
        }
        state.due(0, Reckoning::by(wall), all).0
    }
}

fn stat(state: &State, path: &str) -> Option<Stat> {
    let read = Read::Exists { path: path.to_owned(), watch: false };
    match state.read(&read, SessionId(0), &[]) {
        Ok(Body::Stat(stat)) => Some(stat),
        _ => None,
    }
}
