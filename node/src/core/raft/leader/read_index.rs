//! Reads at a position that is certainly committed: the leader proves, by a heartbeat round that
//! began after the request, that it still led (dissertation §6.4). One round serves many reads.

use super::Leader;
use crate::core::raft::quorum;

impl Leader<'_> {
    /// Somebody wants to read what is committed now.
    pub(in crate::core::raft) fn read_index(&mut self, id: u64) {
        let commit = self.log.commit_index();
        let index = self.leading.ready_to_serve(self.log).then_some(commit);
        let idle = self.leading.reads.is_empty();
        self.leading.reads.push(id, self.leading.round + 1, index);
        if idle {
            self.begin_round();
        }
    }

    /// A heartbeat to everybody, whose echoes prove that this member leads.
    pub(super) fn begin_round(&mut self) {
        self.leading.round += 1;
        self.replicate_all(true);
        self.confirm_reads();
    }

    /// Lets through what a quorum has confirmed, and starts the next round for the others.
    pub(super) fn confirm_reads(&mut self) {
        if self.leading.reads.is_empty() {
            return;
        }
        let (me, own, peers) = (self.settings.id, self.leading.round, &self.leading.peers);
        let echoed = quorum::agreed(self.log.config(), |id| {
            if id == me { own } else { peers.get(&id).map_or(0, |peer| peer.round()) }
        });
        self.leading.reads.echoed(echoed);
        if !self.leading.ready_to_serve(self.log) {
            return;
        }
        self.leading.reads.release(self.log.commit_index(), self.out);
        if self.leading.reads.need_round_after(own) {
            self.begin_round();
        }
    }
}
