//! Every knob of a run, drawn from its seed.

use super::rng::Rng;
use crate::core::types::EnsembleVersion;

/// The knobs.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub(super) struct SimOptions {
    pub seed: u64,
    /// Members at formation: 1, 3 or 5.
    pub members: usize,
    pub clients: usize,
    /// How long faults go on, in virtual milliseconds.
    pub chaos_ms: u64,
    pub net_delay_ms: (u64, u64),
    pub fsync_ms: (u64, u64),
    /// Per hundred fault opportunities.
    pub crash: u64,
    pub partition: u64,
    pub link_break: u64,
    pub pause: u64,
    pub slow_disk: u64,
    pub disk_loss: u64,
    pub disk_damage: u64,
    /// Bytes of a log segment.
    pub segment_bytes: u64,
    /// Snapshots that a disk keeps.
    pub retain: usize,
    pub membership: u64,
    pub transfer: u64,
    /// Time between fault opportunities.
    pub fault_every_ms: u64,
    pub snapshot_every: u64,
    pub snapshot_keep: u64,
    pub linearizable_reads: bool,
    pub session_timeout_ms: i32,
    pub epoch_roll_at: u32,
    /// Little is answered at once, and little may wait to be sent.
    pub narrow: bool,
    /// Clients only ping, each time a millisecond before their session's timeout.
    pub quiet: bool,
    /// Per thousand turns of a client: it goes to another server, and the one it was on is not told
    /// for a while.
    pub moves: u64,
    /// Clients change the membership, and nobody else.
    pub by_clients: bool,
    /// Clients make containers and TTL znodes as well.
    pub mortal: bool,
    /// Wall clocks differ, and are set while servers run.
    pub skewed: bool,
    /// Logs are sealed when nothing is written.
    pub seals: bool,
    /// Servers run this program and one before it, and the ensemble's version is raised.
    pub mixed: bool,
    /// Which program that is, by the newest ensemble version that it knows.
    pub before: EnsembleVersion,
    /// It is raised by a setting of this program, and else when somebody asks for it.
    pub raised_by_setting: bool,
}

impl SimOptions {
    /// Draws them.
    pub(super) fn from_seed(seed: u64) -> SimOptions {
        let mut rng = Rng::new(seed ^ 0x5EED);
        let calm = rng.chance(10);
        let mut fault = |most: u64| {
            if calm || rng.chance(40) { 0 } else { rng.between(1, most) }
        };
        let (crash, partition, link_break) = (fault(15), fault(20), fault(30));
        let (pause, slow_disk, disk_loss) = (fault(8), fault(8), fault(3));
        let (membership, transfer) = (fault(15), fault(10));
        let mut options = SimOptions {
            seed,
            members: [1, 3, 3, 3, 3, 5][rng.below(6) as usize],
            clients: rng.between(1, 5) as usize,
            chaos_ms: rng.between(10_000, 40_000),
            net_delay_ms: (rng.below(2), rng.between(1, 30)),
            fsync_ms: (rng.below(2), rng.between(1, 20)),
            crash,
            partition,
            link_break,
            pause,
            slow_disk,
            disk_loss,
            disk_damage: 0,
            segment_bytes: 16_384,
            retain: 3,
            membership,
            transfer,
            fault_every_ms: rng.between(100, 1_000),
            snapshot_every: [20, 100, 1_000, 1_000_000][rng.below(4) as usize],
            snapshot_keep: [0, 5, 50][rng.below(3) as usize],
            linearizable_reads: rng.chance(25),
            session_timeout_ms: [2_000, 4_000, 10_000][rng.below(3) as usize],
            epoch_roll_at: if rng.chance(20) { 50 } else { 0xF000_0000 },
            narrow: false,
            quiet: false,
            moves: 0,
            by_clients: false,
            mortal: false,
            skewed: false,
            seals: false,
            mixed: false,
            before: EnsembleVersion(1),
            raised_by_setting: false,
        };
        // Last, so that older seeds keep their course.
        if !calm && rng.chance(25) {
            options.disk_damage = rng.between(1, 5);
        }
        options.narrow = rng.chance(30);
        if rng.chance(50) {
            options.moves = rng.between(1, 30);
        }
        options.by_clients = rng.chance(30);
        options.mortal = rng.chance(30);
        options.skewed = options.mortal && rng.chance(50);
        options.segment_bytes = [2_048, 4_096, 16_384][rng.below(3) as usize];
        options.retain = rng.between(1, 3) as usize;
        options.seals = rng.chance(40);
        options
    }

    /// The same world with servers of different versions.
    pub(super) fn mixed_from_seed(seed: u64) -> SimOptions {
        let mut rng = Rng::new(seed ^ 0x0A6E);
        let options = SimOptions::from_seed(seed);
        let raised_by_setting = rng.chance(30);
        let before = EnsembleVersion(if rng.chance(50) { 1 } else { 2 });
        SimOptions { mixed: true, raised_by_setting, before, ..options }
    }
}
