//! What a run has seen: answers in its window, their latencies, and everything that was wrong.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::histogram::Histogram;
use super::usage::Cpu;

/// How long the load is on before it counts, and how long it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) warm: Duration,
    pub(super) counted: Duration,
}

/// Answers, and what was wrong with them.
#[derive(Debug)]
pub(super) struct Tally {
    servers: Vec<u32>,
    begin: Instant,
    end: Instant,
    at_begin: Option<Cpu>,
    at_end: Option<Cpu>,
    ops: u64,
    latencies: Histogram,
    violations: u64,
    errors: u64,
    first: Option<String>,
}

/// The outcome of one run.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Operations in a second.
    pub(super) rate: f64,
    /// Latencies in milliseconds: half of all, 99 % and 99.9 % are not above.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    /// CPU time of all servers together for each operation, in microseconds.
    pub(super) server_cpu: f64,
    /// Of the generator.
    pub(super) generator_cpu: f64,
    /// Answers that break a promise: order of zxids, read your writes, versions, data.
    pub(super) violations: u64,
    /// Answers that are errors, and connections that broke.
    pub(super) errors: u64,
    /// What the first of either was.
    pub(super) first: Option<String>,
}

impl Tally {
    /// From now on.
    pub(super) fn new(servers: &[u32], timing: Timing) -> Self {
        let begin = Instant::now() + timing.warm;
        Tally {
            servers: servers.to_vec(),
            begin,
            end: begin + timing.counted,
            at_begin: None,
            at_end: None,
            ops: 0,
            latencies: Histogram::default(),
            violations: 0,
            errors: 0,
            first: None,
        }
    }

    /// The time; what the servers have used is looked up when the window begins and ends.
    pub(super) fn now(&mut self) -> Result<Instant> {
        let now = Instant::now();
        if self.at_begin.is_none() && now >= self.begin {
            self.at_begin = Some(Cpu::now(&self.servers)?);
        }
        if self.at_end.is_none() && now >= self.end {
            self.at_end = Some(Cpu::now(&self.servers)?);
        }
        Ok(now)
    }

    /// Whether the window is over: nothing new is asked.
    pub(super) fn is_over(&self) -> bool {
        self.at_end.is_some()
    }

    /// An operation was done that was asked for at `since`.
    pub(super) fn done(&mut self, now: Instant, since: Instant) {
        if self.at_begin.is_some() && self.at_end.is_none() {
            self.ops += 1;
            self.latencies.add(now.duration_since(since));
        }
    }

    /// A promise was broken.
    pub(super) fn violated(&mut self, what: impl FnOnce() -> String) {
        self.violations += 1;
        self.first.get_or_insert_with(what);
    }

    /// Something did not work.
    pub(super) fn failed(&mut self, what: impl FnOnce() -> String) {
        self.errors += 1;
        self.first.get_or_insert_with(what);
    }

    /// # Errors
    /// If the run ended before its window did.
    pub(super) fn measured(self) -> Result<Measured> {
        let begin = self.at_begin.context("the load never began to count")?;
        let end = self.at_end.context("the load ended too early")?;
        let ops = self.ops.max(1) as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / ops;
        Ok(Measured {
            rate: self.ops as f64 / (end.at - begin.at).as_secs_f64(),
            p50: self.latencies.quantile(0.5),
            p99: self.latencies.quantile(0.99),
            p999: self.latencies.quantile(0.999),
            server_cpu: micros(end.servers.saturating_sub(begin.servers)),
            generator_cpu: micros(end.generator.saturating_sub(begin.generator)),
            violations: self.violations,
            errors: self.errors,
            first: self.first,
        })
    }
}
