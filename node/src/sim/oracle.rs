//! What really happened, and whether clients were told the truth.
//!
//! Committed entries are replayed, in order, into a reference state. Zxids are the witnesses: they
//! are unique and totally ordered, so linearizability is a linear-time check. A write answered
//! before another was sent must have the smaller zxid; a fresh read must show a zxid not below any
//! write answered before it was asked; and whatever a reply shows must be what the reference held
//! at the zxid in its header.
//!
//! `mortal` judges znodes that end by themselves.

pub(super) mod mortal;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::mortal::Mortals;
use super::ask::Ask;
use super::operator::CONFIG;
use crate::core::entry::{Action, Entry, Payload};
use crate::core::op::{Body, ErrorCode, Write};
use crate::core::raft::event::SnapshotMeta;
use crate::core::state::State;
use crate::core::types::{Index, Now, SessionId, Wall, Zxid};

/// A key's content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(super) struct Value {
    pub data: Vec<u8>,
    pub version: i32,
    pub mzxid: Zxid,
}

/// The reference.
#[derive(Debug)]
pub(super) struct Oracle {
    state: State,
    log: BTreeMap<Index, Arc<Entry>>,
    digests: BTreeMap<Index, u64>,
    keys: BTreeMap<String, Vec<(Zxid, Option<Value>)>>,
    /// How often each write's serial took effect.
    effects: BTreeMap<Vec<u8>, Zxid>,
    /// Which claim holds each session: the newest.
    holders: BTreeMap<SessionId, Index>,
    /// The highest zxid of any write that a client was told of.
    acknowledged: Zxid,
    /// Every reconfig that was asked for: its marker and whether it was refused.
    reconfigs: BTreeMap<String, (Ask, bool)>,
    mortals: Mortals,
}

impl Oracle {
    /// For these keys. `skewed`: members' wall clocks are not to be trusted.
    pub(super) fn new(keys: &[String], skewed: bool) -> Oracle {
        Oracle {
            state: State::new(),
            log: BTreeMap::new(),
            digests: BTreeMap::from([(Index(0), State::new().digest())]),
            keys: keys.iter().map(|key| (key.clone(), Vec::new())).collect(),
            effects: BTreeMap::new(),
            holders: BTreeMap::new(),
            acknowledged: Zxid(0),
            reconfigs: BTreeMap::new(),
            mortals: Mortals::new(skewed),
        }
    }

    /// A server wrote this entry into its log.
    pub(super) fn written(&mut self, entry: &Entry, now: Now) {
        self.mortals.written(entry, now);
    }

    /// Containers and TTL znodes that should be gone, were it this late.
    pub(super) fn overdue(&self, wall: Wall) -> Vec<String> {
        self.mortals.overdue(&self.state, wall)
    }

    /// A server applied this entry.
    pub(super) fn committed(&mut self, entry: &Arc<Entry>, now: u64) -> Result<(), String> {
        if let Some(known) = self.log.get(&entry.index) {
            return if known == entry {
                Ok(())
            } else {
                Err(format!("two entries committed at {}: {known:?} and {entry:?}", entry.index))
            };
        }
        let next = self.log.keys().next_back().map_or(Index(1), |last| last.next());
        if entry.index != next {
            return Err(format!("index {} applied first while {next} is next", entry.index));
        }
        let doomed = Mortals::doomed(&self.state, entry);
        let outcome = self.state.apply(entry);
        self.mortals.judge(entry, &doomed, &self.state, now)?;
        self.log.insert(entry.index, Arc::clone(entry));
        self.digests.insert(entry.index, self.state.digest());
        if let Some(opened) = &outcome.opened {
            self.holders.insert(opened.session, opened.attach);
        }
        if outcome.result.is_ok() {
            self.only_holders_write(entry)?;
            self.mortals.applied(entry, outcome.zxid);
            self.note_effects(entry, outcome.zxid)?;
        }
        for (key, history) in &mut self.keys {
            let now = value_of(&self.state, key);
            if history.last().map(|(_, value)| value) != Some(&now) {
                history.push((outcome.zxid, now));
            }
        }
        Ok(())
    }

    /// Once a session moved, nothing that was asked on its old connection may take effect.
    fn only_holders_write(&self, entry: &Entry) -> Result<(), String> {
        let Payload::Command(command) = &entry.payload else {
            return Ok(());
        };
        let (session, attach) = match &command.action {
            Action::Write { session, attach, .. }
            | Action::CloseSession { session, attach: Some(attach) } => (session, attach),
            _ => return Ok(()),
        };
        match self.holders.get(session) {
            Some(holder) if holder == attach => Ok(()),
            holder => Err(format!(
                "session {session} is held by the claim of {holder:?}, that of {attach} wrote at {}",
                entry.index
            )),
        }
    }

    fn note_effects(&mut self, entry: &Entry, zxid: Zxid) -> Result<(), String> {
        let Payload::Command(command) = &entry.payload else {
            return Ok(());
        };
        let Action::Write { write, .. } = &command.action else {
            return Ok(());
        };
        for serial in serials(write) {
            if let Some(earlier) = self.effects.insert(serial.clone(), zxid) {
                let text = String::from_utf8_lossy(&serial).into_owned();
                return Err(format!("write {text} took effect at {earlier} and at {zxid}"));
            }
        }
        Ok(())
    }

    /// A server's state at an index.
    pub(super) fn check_state(&self, index: Index, digest: u64) -> Result<(), String> {
        match self.digests.get(&index) {
            Some(expected) if *expected == digest => Ok(()),
            Some(expected) => {
                Err(format!("state at {index} has digest {digest:x}, others have {expected:x}"))
            }
            None => Err(format!("a state at {index}, which nobody committed")),
        }
    }

    /// A snapshot's place in the log.
    pub(super) fn check_snapshot(&self, meta: &SnapshotMeta) -> Result<(), String> {
        match self.log.get(&meta.index) {
            Some(entry) if entry.term == meta.term => Ok(()),
            other => Err(format!("snapshot at {}/{} but log has {other:?}", meta.index, meta.term)),
        }
    }

    /// The highest zxid that a client was told of: the floor of whatever is asked now.
    pub(super) fn acknowledged(&self) -> Zxid {
        self.acknowledged
    }

    /// A client was told that its write took effect.
    pub(super) fn check_write(
        &mut self,
        serial: &[u8],
        zxid: Zxid,
        floor: Zxid,
    ) -> Result<(), String> {
        let text = String::from_utf8_lossy(serial);
        if self.effects.get(serial) != Some(&zxid) {
            let at = self.effects.get(serial);
            return Err(format!("write {text} acknowledged at {zxid}, took effect at {at:?}"));
        }
        if zxid <= floor {
            return Err(format!("write {text} at {zxid} is not after {floor}, answered before it"));
        }
        self.acknowledged = self.acknowledged.max(zxid);
        Ok(())
    }

    /// A client read a key in a reply with this header zxid.
    pub(super) fn check_read(
        &self,
        key: &str,
        zxid: Zxid,
        result: &Result<Body, ErrorCode>,
    ) -> Result<(), String> {
        let history = self.keys.get(key).ok_or("an unknown key")?;
        let at = history.partition_point(|(at, _)| *at <= zxid);
        let expected = at.checked_sub(1).and_then(|at| history[at].1.clone());
        let seen = match result {
            Ok(Body::Data { data, stat }) => Some(Value {
                data: data.as_deref().unwrap_or_default().to_vec(),
                version: stat.version,
                mzxid: stat.mzxid,
            }),
            Err(ErrorCode::NoNode) => None,
            other => return Err(format!("read of {key}: {other:?}")),
        };
        if seen == expected {
            Ok(())
        } else {
            Err(format!("read of {key} at {zxid} shows {seen:?}, it was {expected:?}"))
        }
    }

    /// The zxid of the first change of a key after `zxid` and up to `until`.
    pub(super) fn changed_after(&self, key: &str, zxid: Zxid, until: Zxid) -> Option<Zxid> {
        let history = self.keys.get(key)?;
        history.iter().map(|(at, _)| *at).find(|at| *at > zxid && *at <= until)
    }
}

/// Reconfigs by clients.
impl Oracle {
    /// A client asks for one.
    pub(super) fn asked(&mut self, ask: &Ask) {
        let refused = false;
        self.reconfigs.insert(ask.marker.clone(), (ask.clone(), refused));
    }

    /// A client was told that it does not come to pass.
    pub(super) fn refused(&mut self, marker: String) {
        if let Some((_, refused)) = self.reconfigs.get_mut(&marker) {
            *refused = true;
        }
    }

    /// A client was told that it came to pass.
    pub(super) fn took_effect(&mut self, ask: &Ask, zxid: Zxid) -> Result<(), String> {
        let since = self.shown_since(&ask.marker);
        if since.len() != 1 || since.iter().any(|at| *at > zxid) {
            return Err(format!("{ask:?} acknowledged at {zxid}, took effect at {since:?}"));
        }
        self.acknowledged = self.acknowledged.max(zxid);
        Ok(())
    }

    /// The version of the newest configuration that anybody applied.
    pub(super) fn configuration_version(&self) -> i64 {
        let shown = self.configurations();
        shown.last().map_or(-1, |(zxid, _)| zxid.0)
    }

    /// At the end: each came to pass once or not at all, never after a refusal, and only in the
    /// place of the version that it was meant for.
    pub(super) fn check_reconfigs(&self) -> Result<(), String> {
        for (marker, (ask, refused)) in &self.reconfigs {
            let since = self.shown_since(marker);
            if since.len() > usize::from(!refused) {
                return Err(format!("{ask:?}, refused: {refused}, took effect at {since:?}"));
            }
            for at in since {
                let shown = self.configurations();
                let before = shown.iter().rev().find(|(zxid, _)| *zxid < at);
                let replaced = before.map_or(-1, |(zxid, _)| zxid.0);
                if ask.version != -1 && ask.version != replaced {
                    return Err(format!("{ask:?} took the place of {replaced} at {at}"));
                }
            }
        }
        Ok(())
    }

    fn configurations(&self) -> Vec<(Zxid, String)> {
        let history = self.keys.get(CONFIG).into_iter().flatten();
        let shown = history.filter_map(|(zxid, value)| {
            let data = &value.as_ref()?.data;
            (!data.is_empty()).then(|| (*zxid, String::from_utf8_lossy(data).into_owned()))
        });
        shown.collect()
    }

    /// When this marker came to be shown.
    fn shown_since(&self, marker: &str) -> Vec<Zxid> {
        let mut since = Vec::new();
        let mut present = false;
        for (zxid, text) in self.configurations() {
            let shown = text.lines().any(|line| line.ends_with(marker));
            if shown && !present {
                since.push(zxid);
            }
            present = shown;
        }
        since
    }
}

fn value_of(state: &State, key: &str) -> Option<Value> {
    use crate::core::op::{Id, Read};
    use crate::core::types::SessionId;
    let all = [Id { scheme: "super".to_owned(), id: String::new() }];
    let read = Read::GetData { path: key.to_owned(), watch: false };
    match state.read(&read, SessionId(0), &all) {
        Ok(Body::Data { data, stat }) => Some(Value {
            data: data.as_deref().unwrap_or_default().to_vec(),
            version: stat.version,
            mzxid: stat.mzxid,
        }),
        _ => None,
    }
}

/// The unique data that a write carries; writes without data carry none.
fn serials(write: &Write) -> Vec<Vec<u8>> {
    match write {
        Write::Create(create) => create.data.iter().map(|data| data.to_vec()).collect(),
        Write::SetData { data, .. } => data.iter().map(|data| data.to_vec()).collect(),
        Write::Multi(writes) => writes.iter().flat_map(serials).collect(),
        _ => Vec::new(),
    }
}
