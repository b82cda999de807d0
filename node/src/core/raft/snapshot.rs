//! Compaction behind a durable snapshot, and a snapshot in place of a log that is gone
//! (Raft §7). The content travels outside; here are only positions.

use super::event::{Action, LogWrite, SnapshotMeta};
use super::{Raft, Role};
use crate::core::types::{Index, MemberId, Mono, Term};

/// Entries that are kept behind a snapshot for members that are a little late weigh no more.
const KEEP_BYTES: usize = 32 << 20;

impl Raft {
    pub(super) fn snapshot_saved(&mut self, meta: SnapshotMeta, keep: u64, out: &mut Vec<Action>) {
        let until = Index(meta.index.0.saturating_sub(keep));
        let until = self.log.lightest(until, meta.index, KEEP_BYTES);
        let before = self.log.base_index();
        self.log.compact(meta, until);
        if self.log.base_index() > before {
            self.write(LogWrite::Compact(self.log.base_index()), out);
        }
    }

    pub(super) fn snapshot_sent(
        &mut self,
        now: Mono,
        to: MemberId,
        index: Index,
        ok: bool,
        out: &mut Vec<Action>,
    ) {
        let Role::Leader(leading) = &mut self.role else {
            return;
        };
        if let Some(peer) = leading.peers.get_mut(&to) {
            peer.snapshot_done(index, ok);
            if ok {
                self.replicate(now, to, false, out);
            }
        }
    }

    pub(super) fn snapshot_received(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        meta: SnapshotMeta,
        out: &mut Vec<Action>,
    ) {
        if term < self.hard.term {
            return;
        }
        self.follow(now, term, Some(from), out);
        if meta.index <= self.log.commit_index() {
            return self.acknowledge(out);
        }
        out.push(Action::Restore(meta.clone()));
        let index = meta.index;
        let seq = self.next_seq;
        self.log.install(meta.clone(), seq);
        self.write(LogWrite::InstallSnapshot(meta), out);
        self.verified = index;
        out.push(Action::Configured);
    }
}
