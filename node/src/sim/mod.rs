//! A fake world around the real core: one thread, one seed, no clock, no sockets, no files.
//!
//! [`world::World`] owns the servers, the event heap and the virtual time; [`net`] moves messages
//! over links that delay, stall and break; [`disk`] keeps encoded records and loses what was not
//! synced; [`client`] are sessions that never stop; [`operator`] changes the membership, unless clients do
//! (an [`ask`]); [`faults`] breaks things; [`oracle`] and [`invariants`] judge; [`report`] counts what a run did, [`fingerprint`] tells whether that
//! was the same as before. A run is a function of its seed: `options` draws its knobs, `rng` the rest.

mod ask;
mod client;
mod disk;
mod faults;
mod fingerprint;
mod invariants;
mod net;
mod operator;
mod options;
mod oracle;
mod report;
mod rng;
mod world;

pub use self::fingerprint::Fingerprint;
pub use self::report::Report;
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
