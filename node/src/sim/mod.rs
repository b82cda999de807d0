//! A fake world around the real core: one thread, one seed, no clock, no sockets, no files.
//!
//! [`world::World`] owns the servers, the event heap and the virtual time; [`net`] moves messages
//! over links that delay, stall and break; [`disk`] keeps encoded records and loses what was not
//! synced; [`client`] are sessions that never stop; [`operator`] changes the membership, unless clients do;
//! [`faults`] breaks things; [`oracle`] and [`invariants`] judge; [`fingerprint`] tells whether a run did
//! the same as before. A run is a function of its seed: `options` draws its knobs, `rng` the rest.

mod client;
mod disk;
mod faults;
mod fingerprint;
mod invariants;
mod net;
mod operator;
mod options;
mod oracle;
mod rng;
mod world;

pub use self::fingerprint::Fingerprint;
pub use self::rng::Rng;
pub(crate) use self::world::{Call, Progress, World};

/// Seeds that once found a bug, run before all others: a member that was dropped, taken in again and
/// could not answer its leader; a blank disk that was damaged and took itself for unrepaired later;
/// clients that could not ask for the one server they wanted, for its disk was lost; members that all
/// restarted, of whom the voters lacked the entry that dropped the rest.
pub const KNOWN: [u64; 4] = [100_632, 7_014_312_107_172_092, 6_000_309, 7_014_366_518_450_625];

/// Seeds whose fingerprints are kept: worlds of every kind that [`options::SimOptions`] draws.
pub const FINGERPRINTED: std::ops::RangeInclusive<u64> = 1..=40;

/// Runs one seed; `Err` says what went wrong, and the trace's tail is in it.
pub fn run(seed: u64, trace: bool) -> Result<Report, String> {
    let mut world = world::World::new(options::SimOptions::from_seed(seed), trace);
    guarded(seed, &mut world)
}

/// Runs one seed's world with servers of this program and of the one before, which are rolled forward
/// and back while the ensemble's version is raised.
pub fn run_mixed(seed: u64, trace: bool) -> Result<Report, String> {
    let mut world = world::World::new(options::SimOptions::mixed_from_seed(seed), trace);
    guarded(seed, &mut world)
}

/// Runs one seed, and gives what everything that its servers did amounts to.
pub fn fingerprint(seed: u64) -> Result<Fingerprint, String> {
    let mut world = world::World::new(options::SimOptions::from_seed(seed), false);
    world.take_fingerprint();
    guarded(seed, &mut world)?;
    Ok(world.fingerprint())
}

fn guarded(seed: u64, world: &mut world::World) -> Result<Report, String> {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    match outcome {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(why)) => Err(format!("seed {seed}: {why}")),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "a panic without words".to_owned());
            Err(format!("seed {seed}: panic: {text}"))
        }
    }
}

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
        self.fingerprint ^= other.fingerprint;
    }
}
