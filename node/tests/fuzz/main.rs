//! All that reads bytes of others, under bytes that were good before somebody tampered with them.
//!
//! [`TARGETS`] is the list: what each one reads, from which valid samples, and what must hold of
//! what it makes of them. None may panic, nor allocate more than a small multiple of what it was
//! given. That every variant of every type is among the samples is a test as well (`values.rs`).
//!
//! `QUORATE_FUZZ_ROUNDS=1000000 cargo test --release -p quorate-node --test fuzz` tries for longer,
//! `QUORATE_FUZZ_SEED=7` others.

mod clients;
mod disk;
mod members;
mod mutate;
#[path = "../samples/requests.rs"]
mod requests;
mod snapshots;
mod values;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap::Cap;
use mutate::Random;

/// Counts what is allocated.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// How often each target is tried, unless `QUORATE_FUZZ_ROUNDS` says otherwise.
const ROUNDS: u64 = 10_000;
/// Bytes that any target may allocate, whatever it is given.
const SLACK: usize = 64 << 10;

/// Something that reads bytes.
struct Target {
    name: &'static str,
    /// Valid encodings, of every variant.
    samples: fn() -> Vec<Vec<u8>>,
    /// Reads, and panics if a promise is broken.
    judge: fn(&[u8]),
    /// How many bytes it may allocate for each that it is given, those of the judgement included.
    factor: usize,
}

/// All of them, but for the recovery of a whole disk (`disk.rs`).
const TARGETS: [Target; 9] = [
    Target {
        name: "a client's handshake",
        samples: clients::handshakes,
        judge: clients::handshake,
        factor: 64,
    },
    Target {
        name: "a client's request, put into the log, read again and applied",
        samples: clients::requests,
        judge: clients::request,
        factor: 1_000,
    },
    Target {
        name: "a step of a client's SASL exchange",
        samples: clients::tokens,
        judge: clients::token,
        factor: 1_000,
    },
    Target {
        name: "the subject of a client's certificate",
        samples: clients::subjects,
        judge: clients::subject,
        factor: 1_000,
    },
    Target {
        name: "a member's frame",
        samples: members::frames,
        judge: members::frame,
        factor: 1_000,
    },
    Target { name: "a log entry", samples: members::entries, judge: members::entry, factor: 1_000 },
    Target {
        name: "a sealed record of a log segment",
        samples: disk::records,
        judge: disk::record,
        factor: 1_000,
    },
    Target { name: "a log segment", samples: disk::segments, judge: disk::segment, factor: 1_000 },
    // A hole in the arena of znodes is one byte, and as much memory as a znode.
    Target {
        name: "a snapshot",
        samples: snapshots::snapshots,
        judge: snapshots::snapshot,
        factor: 3_000,
    },
];

/// One test at a time: what is allocated is counted for the process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |it| it.parse().expect("a number"))
}

fn rounds(otherwise: u64) -> u64 {
    number("QUORATE_FUZZ_ROUNDS", otherwise)
}

fn random() -> Random {
    Random::new(number("QUORATE_FUZZ_SEED", 1))
}

/// Judges bytes, and tells them if that panics.
fn judge(target: &Target, bytes: &[u8]) {
    let before = ALLOCATOR.total_allocated();
    let judged = std::panic::catch_unwind(|| (target.judge)(bytes));
    let allocated = ALLOCATOR.total_allocated() - before;
    let most = target.factor * bytes.len() + SLACK;
    assert!(judged.is_ok(), "{} does not stand \"{}\"", target.name, bytes.escape_ascii());
    assert!(
        allocated <= most,
        "{} allocates {allocated} bytes for {}: \"{}\"",
        target.name,
        bytes.len(),
        bytes.escape_ascii()
    );
}

#[test]
fn what_is_tampered_with_is_refused_or_read_and_kept_as_it_was_read() {
    let _turn = alone();
    for target in &TARGETS {
        let mut random = random();
        let samples = (target.samples)();
        for sample in &samples {
            judge(target, sample);
        }
        for _ in 0..rounds(ROUNDS) {
            judge(target, &mutate::mutate(&mut random, &samples));
        }
    }
}
