//! Compaction behind a durable snapshot, and a snapshot in place of a log that is gone
//! (Raft §7). The content travels outside; here are only positions.

use super::event::{Action, Keep, LogWrite, SnapshotMeta};
use super::progress::Progress;
use super::{Raft, Role};
use crate::core::types::{Index, MemberId, Mono, Term};

/// Entries that are kept behind a snapshot for members that are a little late weigh no more.
const KEEP_BYTES: usize = 32 << 20;

impl Raft {
    pub(super) fn snapshot_saved(&mut self, meta: SnapshotMeta, keep: Keep, out: &mut Vec<Action>) {
        let until = Index(meta.index.0.saturating_sub(keep.entries));
        let mut until = self.log.lightest(until, meta.index, KEEP_BYTES);
        // A part of what it awaits would be of no use to it.
        let affordable =
            |awaited| self.log.lightest(awaited, meta.index, keep.awaited_bytes) == awaited;
        if let Some(awaited) = self.awaited().filter(|awaited| affordable(*awaited)) {
            until = until.min(awaited);
        }
        let before = self.log.base_index();
        self.log.compact(meta, until);
        if self.log.base_index() > before {
            self.write(LogWrite::Compact(self.log.base_index()), out);
        }
    }

    /// The oldest position from which a member within reach still has to be served. Without it a
    /// transfer that takes longer than the time between two snapshots would end before the log
    /// begins, and start anew for ever.
    fn awaited(&self) -> Option<Index> {
        let Role::Leader(leading) = &self.role else {
            return None;
        };
        let reachable = leading.peers.values().filter(|peer| peer.connected);
        let base = self.log.base_index();
        reachable.map(Progress::awaits).filter(|index| *index >= base).min()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::entry::Payload;
    use crate::core::raft::config::{Config, Role as MemberRole};
    use crate::core::raft::event::{Event, Message};
    use crate::core::raft::testing::{first_of, member};
    use crate::core::types::WriteSeq;

    const NEWCOMER: MemberId = MemberId(2);
    const NOTHING: Keep = Keep { entries: 0, awaited_bytes: 0 };

    /// A leader, the only voter, and a learner with a blank disk.
    struct World {
        raft: Raft,
        config: Config,
    }

    impl World {
        fn new() -> World {
            let (raft, config) = first_of(vec![
                member(MemberId(1), MemberRole::Voter),
                member(NEWCOMER, MemberRole::Learner),
            ]);
            let mut world = World { raft, config };
            world.step(Event::Tick);
            world.step(Event::LinkUp(NEWCOMER));
            world
        }

        /// Steps, and makes durable whatever is written.
        fn step(&mut self, event: Event) -> Vec<Action> {
            let mut all = Vec::new();
            let mut events = vec![event];
            while let Some(event) = events.pop() {
                let mut out = Vec::new();
                self.raft.step(Mono(0), event, &mut out);
                let written = |action: &Action| match action {
                    Action::Write { seq, .. } => Some(Event::Durable(WriteSeq(seq.0))),
                    _ => None,
                };
                events.extend(out.iter().rev().filter_map(written));
                all.extend(out);
            }
            all
        }

        fn write(&mut self, entries: usize) {
            for _ in 0..entries {
                self.step(Event::Propose(vec![Payload::NewLeader]));
            }
        }

        /// A snapshot of everything is durable.
        fn save(&mut self, keep: Keep) -> Index {
            let index = self.raft.log.commit_index();
            let meta = SnapshotMeta {
                index,
                term: self.raft.log.last_term(),
                config: self.config.clone(),
            };
            self.step(Event::SnapshotSaved { meta, keep });
            index
        }

        /// Whether the newcomer, that has stored the snapshot at `index`, goes on from there.
        fn goes_on(&mut self, index: Index) -> bool {
            let sent = self.step(Event::SnapshotSent { to: NEWCOMER, index, ok: true });
            let resumes = |action: &Action| {
                matches!(action, Action::Send { to: NEWCOMER, message: Message::Append { prev_index, .. } }
                    if *prev_index == index)
            };
            sent.iter().any(resumes)
        }
    }

    /// A learner that is being sent the snapshot at the position given.
    fn transferring() -> (World, Index) {
        let mut world = World::new();
        world.write(10);
        let index = world.save(NOTHING);
        let rejected = world.step(Event::Message {
            from: NEWCOMER,
            message: Message::Rejected {
                term: world.raft.hard.term,
                prev_index: Index(1),
                hint_index: Index(0),
                hint_term: Term(0),
                round: 0,
            },
        });
        let begins = |action: &Action| matches!(action, Action::SendSnapshot { index: at, .. } if *at == index);
        assert!(rejected.iter().any(begins), "{rejected:?}");
        (world, index)
    }

    #[test]
    fn the_log_behind_a_transfer_outlasts_the_next_snapshots() {
        let (mut world, index) = transferring();
        for _ in 0..3 {
            world.write(10);
            world.save(Keep { entries: 0, awaited_bytes: 1 << 20 });
        }
        assert!(world.goes_on(index));
    }

    #[test]
    fn a_transfer_holds_no_more_of_the_log_than_allowed() {
        let (mut world, index) = transferring();
        world.write(10);
        let newest = world.save(NOTHING);
        assert_eq!(world.raft.log.base_index(), newest);
        assert!(!world.goes_on(index));
    }

    #[test]
    fn nothing_is_kept_for_a_member_out_of_reach() {
        let (mut world, _) = transferring();
        world.step(Event::LinkDown(NEWCOMER));
        world.write(10);
        let newest = world.save(Keep { entries: 0, awaited_bytes: 1 << 20 });
        assert_eq!(world.raft.log.base_index(), newest);
    }
}
