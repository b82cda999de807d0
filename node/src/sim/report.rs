//! What runs of the simulator did, in numbers.

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Report {
    pub events: u64,
    pub virtual_ms: u64,
    pub acknowledged: u64,
    pub unknown: u64,
    pub reads: u64,
    pub watches: u64,
    pub sessions_lost: u64,
    pub elections: u64,
    pub crashes: u64,
    pub changes: u64,
    /// Of clients, that came to pass.
    pub reconfigs: u64,
    pub snapshots: u64,
    /// Servers that took a write of every key at the end and showed it.
    pub probes: u64,
    /// Files that were damaged while a server was down.
    pub rotten: u64,
    /// Of programs that were too old for their disks.
    pub refused_starts: u64,
    /// On disks with entries that only this program reads.
    pub newer_disks: u64,
    /// Messages in frames that only this program reads.
    pub newer_frames: u64,
    /// A hash over everything that happened: equal for equal seeds.
    pub fingerprint: u64,
}

impl Report {
    /// Sums runs up.
    pub fn add(&mut self, other: &Report) {
        self.events += other.events;
        self.virtual_ms += other.virtual_ms;
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.reads += other.reads;
        self.watches += other.watches;
        self.sessions_lost += other.sessions_lost;
        self.elections += other.elections;
        self.crashes += other.crashes;
        self.changes += other.changes;
        self.reconfigs += other.reconfigs;
        self.snapshots += other.snapshots;
        self.probes += other.probes;
        self.rotten += other.rotten;
        self.refused_starts += other.refused_starts;
        self.newer_disks += other.newer_disks;
        self.newer_frames += other.newer_frames;
        self.fingerprint ^= other.fingerprint;
    }
}
