//! Compaction behind a durable snapshot, and a snapshot in place of a log that is gone
//! (Raft §7). The content travels outside; here are only positions.

use super::event::{Keep, LogWrite, Output, SnapshotMeta};
use super::{Raft, plausible};
use crate::core::types::{Index, MemberId, Mono, Term};

/// Entries that are kept behind a snapshot for members that are a little late weigh no more.
const KEEP_BYTES: usize = 32 << 20;

impl Raft {
    pub(super) fn snapshot_saved(&mut self, meta: SnapshotMeta, keep: Keep, out: &mut Vec<Output>) {
        let until = Index(meta.index.0.saturating_sub(keep.entries));
        let mut until = self.log.lightest(until, meta.index, KEEP_BYTES);
        let before = self.log.base_index();
        // Without what a member still awaits, a transfer that takes longer than the time between two
        // snapshots would end before the log begins, and start anew for ever. A part of what it
        // awaits would be of no use to it.
        let affordable =
            |awaited| self.log.lightest(awaited, meta.index, keep.awaited_bytes) == awaited;
        let awaited = self.leading().and_then(|leading| leading.awaited(before));
        if let Some(awaited) = awaited.filter(|awaited| affordable(*awaited)) {
            until = until.min(awaited);
        }
        self.log.compact(meta, until);
        if self.log.base_index() > before {
            self.writes.write(LogWrite::Compact(self.log.base_index()), out);
        }
    }

    pub(super) fn snapshot_received(
        &mut self,
        now: Mono,
        from: MemberId,
        term: Term,
        meta: SnapshotMeta,
        out: &mut Vec<Output>,
    ) {
        let sound = self.may_lead(from, term).and_then(|()| plausible::snapshot(term, &meta));
        if let Err(what) = sound {
            return out.push(Output::Implausible { from, what });
        }
        if term < self.hard.term {
            return;
        }
        self.follow(now, term, Some(from), out);
        if meta.index <= self.log.commit_index() {
            return self.acknowledge(out);
        }
        out.push(Output::Restore(meta.clone()));
        self.following.replaced_up_to(meta.index);
        self.log.install(meta.clone(), self.writes.next());
        self.writes.write(LogWrite::InstallSnapshot(meta), out);
        out.push(Output::Configured);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::entry::Payload;
    use crate::core::raft::config::{Config, Role};
    use crate::core::raft::event::{Event, Message};
    use crate::core::raft::tests::{first_of, member};
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
            let (raft, config) =
                first_of(vec![member(MemberId(1), Role::Voter), member(NEWCOMER, Role::Learner)]);
            let mut world = World { raft, config };
            world.step(Event::Tick);
            world.step(Event::LinkUp(NEWCOMER));
            world
        }

        /// Steps, and makes durable whatever is written.
        fn step(&mut self, event: Event) -> Vec<Output> {
            let mut all = Vec::new();
            let mut events = vec![event];
            while let Some(event) = events.pop() {
                let mut out = Vec::new();
                self.raft.step(Mono(0), event, &mut out);
                let written = |action: &Output| match action {
                    Output::Write { seq, .. } => Some(Event::Durable(WriteSeq(seq.0))),
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
            let resumes = |action: &Output| {
                matches!(action, Output::Send { to: NEWCOMER, message: Message::Append { prev_index, .. } }
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
        let begins = |action: &Output| matches!(action, Output::SendSnapshot { index: at, .. } if *at == index);
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
