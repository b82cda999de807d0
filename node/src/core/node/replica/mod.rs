//! The replicated state on this server, and what follows from it alone, whoever is connected.
//!
//! `snapshots` when the log is cut, and what arrives from a leader · `digests` of the past · `expiry` when
//! sessions end · `reaper` when containers and TTL znodes do · `wall_watch` whether wall time can be
//! trusted · `listing` long lists of it in pages.

mod digests;
mod expiry;
mod listing;
mod reaper;
mod snapshots;
mod wall_watch;

use std::sync::Arc;

use self::digests::DigestLog;
use self::expiry::Expiry;
pub(crate) use self::listing::{EphemeralLine, SessionLine};
use self::reaper::Reaper;
use self::snapshots::Snapshots;
use self::wall_watch::WallWatch;
use super::ctx::Ctx;
use crate::core::effect::Note;
use crate::core::entry::{Entry, Payload};
use crate::core::input::Snapshot;
use crate::core::raft::event::{Event, SnapshotMeta};
use crate::core::state::{Opened, Outcome, State};
use crate::core::types::{Index, MemberId, Mono, Now, SessionId, Term};

/// The replicated state and its keepers.
#[derive(Debug)]
pub(super) struct Replica {
    state: State,
    snapshots: Snapshots,
    digests: DigestLog,
    expiry: Expiry,
    reaper: Reaper,
    wall_watch: WallWatch,
}

impl Replica {
    /// From the newest snapshot on the disk, or from nothing.
    pub(super) fn new(snapshot: Option<&Snapshot>) -> Replica {
        let state = snapshot.map_or_else(State::new, |it| State::restore(&it.image));
        Replica {
            snapshots: Snapshots::new(state.applied()),
            digests: DigestLog::default(),
            expiry: Expiry::default(),
            reaper: Reaper::default(),
            wall_watch: WallWatch::default(),
            state,
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Where the state is, and its digest there.
    pub(super) fn place(&self) -> (Index, u64) {
        (self.state.applied(), self.state.digest())
    }

    /// A committed entry changes the state.
    pub(super) fn apply(&mut self, cx: &mut Ctx<'_>, entry: &Entry) -> Outcome {
        let outcome = self.state.apply(entry);
        // Once an ensemble is enough.
        let overrun = self.state.take_overrun();
        if let Some(overrun) = overrun.filter(|_| cx.leading().is_some()) {
            cx.note(Note::OverQuota(overrun));
        }
        self.snapshots.applied(entry.payload.weight());
        self.digests.applied(self.state.zxid(), self.state.digest());
        outcome
    }

    /// How old a command was when it was applied here, by its stamp.
    pub(super) fn compare_stamp(&mut self, cx: &mut Ctx<'_>, entry: &Entry) {
        let Payload::Command(command) = &entry.payload else {
            return;
        };
        // Only what arrives while this server is in step is about as old as its stamp.
        if cx.service.serving {
            self.wall_watch.compare(entry.term, cx.now.wall, command.wall);
        }
        // The stamp is the leader's clock: one that is ahead of ours must not count back.
        let millis = cx.now.wall.0.saturating_sub(command.wall.0).max(0).unsigned_abs();
        cx.note(Note::Applied { millis });
    }

    /// A session was made or taken over.
    pub(super) fn session_opened(&mut self, cx: &Ctx<'_>, opened: &Opened) {
        if cx.leading().is_some() {
            self.expiry.open(opened.session, opened.timeout_ms, cx.now.mono);
        }
    }

    /// A session is over.
    pub(super) fn session_ended(&mut self, session: SessionId) {
        self.expiry.end(session);
    }

    /// A session spoke to this server.
    pub(super) fn touch(&mut self, now: Mono, session: SessionId) {
        self.expiry.touch(session, now);
    }

    /// As leader: sessions spoke to another member.
    pub(super) fn heard(&mut self, now: Mono, sessions: Vec<SessionId>) {
        for session in sessions {
            self.expiry.heard(session, now);
        }
    }

    /// This server leads from now on: every session has its full timeout, and stamps are ours.
    pub(super) fn take_over(&mut self, now: Now) {
        self.expiry.watch_all(&self.state, now.mono);
        self.wall_watch.take_over(now.wall);
    }

    /// Somebody else leads, or nobody.
    pub(super) fn stand_down(&mut self) {
        self.expiry.stop();
    }

    /// Ends sessions whose time is up, and tells the leader which ones spoke here.
    pub(super) fn tick_sessions(&mut self, cx: &mut Ctx<'_>) {
        self.expiry.tick(cx);
    }

    /// Looks at the clocks, and removes what is due.
    pub(super) fn tick_reaper(&mut self, cx: &mut Ctx<'_>) {
        // On every member: whoever leads later must know of a jump, too.
        if let Some(millis) = self.wall_watch.look(cx.now) {
            cx.note(Note::WallJumped { millis });
        }
        self.reaper.tick(cx, &self.state, &self.wall_watch);
    }

    /// Takes a snapshot if enough was applied since the last one.
    pub(super) fn snapshot_if_due(&mut self, cx: &mut Ctx<'_>) {
        self.snapshots.take_if_due(cx, &self.state);
    }

    /// An operator wants a snapshot.
    pub(super) fn demand_snapshot(&mut self, cx: &mut Ctx<'_>) -> Index {
        self.snapshots.demand();
        self.snapshots.take_if_due(cx, &self.state);
        self.state.applied()
    }

    /// A snapshot of this server's own is durable; without `bytes` it could not be stored.
    pub(super) fn snapshot_saved(
        &mut self,
        cx: &mut Ctx<'_>,
        meta: SnapshotMeta,
        bytes: Option<u64>,
    ) {
        self.snapshots.saved(cx, &self.state, meta, bytes);
    }

    /// A snapshot arrived from a leader. Gives what the consensus core is to be told: it says within this
    /// step whether the snapshot is wanted.
    pub(super) fn snapshot_arrived(
        &mut self,
        from: MemberId,
        term: Term,
        snapshot: Arc<Snapshot>,
    ) -> Event {
        self.snapshots.arrived(from, term, snapshot)
    }

    /// A received snapshot that the consensus core did not want is a whole state that nobody needs.
    pub(super) fn forget_received(&mut self) {
        self.snapshots.forget_received();
    }

    /// The received snapshot that the consensus core wants, if it is still here.
    pub(super) fn take_received(&mut self, index: Index) -> Option<Arc<Snapshot>> {
        self.snapshots.take_received(index)
    }

    /// A received snapshot replaces the state.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        self.state = State::restore(&snapshot.image);
        self.snapshots.installed(snapshot.meta.index);
    }
}
