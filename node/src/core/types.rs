//! Newtypes for every number that crosses a module, so that look-alikes cannot be mixed up.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $vis:vis $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name($vis $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

number!(
    /// A Raft term. Rises with every election, failed ones included. Never shown to clients.
    pub Term(u64)
);
number!(
    /// A position in the Raft log. The first entry has index 1; 0 is "before the log".
    pub Index(u64)
);
number!(
    /// Monotonic time in milliseconds since an arbitrary start. Every timeout is counted in it.
    pub(crate) Mono(u64)
);
number!(
    /// The same in microseconds, only for telling how long clients waited: nothing is decided by it.
    pub(crate) Micros(u64)
);
number!(
    /// Wall-clock time in milliseconds since the Unix epoch. Only for `ctime`/`mtime` and TTLs.
    pub Wall(i64)
);
number!(
    /// A session's public name. The high byte is the number of the server that created it.
    pub SessionId(i64)
);
number!(
    /// One client connection of this process; never reused while the process lives.
    pub(crate) ConnId(u64)
);
number!(
    /// One inbound peer connection of this process; never reused while the process lives.
    pub(crate) LinkId(u64)
);
number!(
    /// The order of log writes handed to the disk; a completion covers all up to its number.
    pub WriteSeq(u64)
);
number!(
    /// One admin call that waits for an answer.
    pub(crate) CallId(u64)
);
number!(
    /// Which rules of the replicated state hold, and with them which formats are written. Raised by
    /// a committed entry, never lowered.
    pub EnsembleVersion(u32)
);
number!(
    /// The number a server carries in its address (ZooKeeper's `myid`, ordinal + 1): 1 to 254.
    pub ServerId(u8)
);

impl Term {
    /// The term after this one; `None` after the last.
    pub fn next(self) -> Option<Term> {
        self.0.checked_add(1).map(Term)
    }
}

impl Index {
    /// The position after this one.
    pub fn next(self) -> Index {
        Index(self.0 + 1)
    }

    /// The position before this one; 0 stays 0.
    pub fn prev(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}

impl Mono {
    /// Milliseconds from `earlier` to `self`, 0 when `earlier` is later.
    pub(crate) fn since(self, earlier: Mono) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant plus some milliseconds.
    pub(crate) fn plus(self, millis: u64) -> Mono {
        Mono(self.0.saturating_add(millis))
    }
}

impl Micros {
    /// Microseconds from `earlier` to `self`, 0 when `earlier` is later.
    pub(crate) fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The instant of one step, read by the shell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Now {
    /// Monotonic, for timeouts.
    pub mono: Mono,
    /// Wall clock, for what clients see.
    pub wall: Wall,
    /// Monotonic, for how long answers take.
    pub micros: Micros,
}

/// How to reckon ages by a wall clock that may have been set meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reckoning {
    /// The clock now.
    pub wall: Wall,
    /// How far it was set forward.
    pub ahead_ms: i64,
    /// When, by itself: later stamps are of the clock as it is now.
    pub since: Wall,
}

impl Reckoning {
    /// By a clock that is right.
    pub fn by(wall: Wall) -> Reckoning {
        Reckoning { wall, ahead_ms: 0, since: Wall(0) }
    }

    /// The age of what was stamped so: never more than it is.
    pub fn age_ms(&self, stamp: i64) -> i64 {
        let age = self.wall.0.saturating_sub(stamp);
        if stamp >= self.since.0 { age } else { age.saturating_sub(self.ahead_ms) }
    }
}

/// A member: one incarnation of one disk. Random, never 0, never reused: a member that lost its
/// disk comes back under another id and so can never vote twice.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl MemberId {
    /// Reads the form that [`fmt::Display`] writes; `None` for anything else or for 0.
    pub fn parse(text: &str) -> Option<MemberId> {
        u64::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(MemberId)
    }
}

/// An ensemble: made once at formation, on every disk of its members for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnsembleId(pub u128);

impl fmt::Display for EnsembleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for EnsembleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl EnsembleId {
    /// Reads the 32 hexadecimal digits that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<EnsembleId> {
        if text.len() != 32 {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(EnsembleId)
    }
}

/// A transaction's position as clients see it: `epoch << 32 | counter`, a pure function of the
/// committed log, never of the Raft term.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zxid(pub i64);

impl Zxid {
    /// Builds a zxid of its halves.
    pub fn new(epoch: u32, counter: u32) -> Zxid {
        Zxid((i64::from(epoch) << 32) | i64::from(counter))
    }

    /// The upper half.
    pub fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The lower half.
    pub fn counter(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A session's secret: 16 bytes of real randomness, kept in the replicated state.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Password(pub [u8; 16]);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
