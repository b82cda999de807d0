//! All figures, medians and spreads over rounds, and the ratios that they come to.

use serde_json::{Value, json};

use super::life::Life;
use super::tally::Measured;
use super::workload::Workload;
use crate::common::progress::say;

type Figure<T> = fn(&T) -> f64;

/// What is measured once for each peer; whether more of it is better, and how it is printed.
const LIFE: [(&str, Figure<Life>, bool, f64, &str); 8] = [
    ("leader killed: longest time without a write", |it| it.outage, false, 1.0, "s"),
    ("all killed, 100k znodes: first write after", |it| it.restart_first, false, 1.0, "s"),
    ("all killed, 100k znodes: all take writes after", |it| it.restart_all, false, 1.0, "s"),
    ("memory of a member, empty", |it| it.resident_empty, false, 1e6, "MB"),
    ("memory of a member, 100k znodes made", |it| it.resident_full, false, 1e6, "MB"),
    ("memory of a member, restarted with them", |it| it.resident_restarted, false, 1e6, "MB"),
    ("disk of a member, 100k znodes made", |it| it.disk_full, false, 1e6, "MB"),
    ("making 100k znodes by one session, 256 at a time", |it| it.making_rate, true, 1e3, "k/s"),
];

/// Everything that was measured.
#[derive(Debug)]
pub(super) struct Results {
    peers: Vec<&'static str>,
    loads: Vec<(Workload, &'static str, Measured)>,
    lives: Vec<(&'static str, Life)>,
}

/// The middle, least and largest of some figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut all: Vec<f64> = figures.collect();
        all.sort_by(f64::total_cmp);
        let at = |place: usize| all.get(place).copied().unwrap_or(0.0);
        let last = all.len().saturating_sub(1);
        Spread { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, min: at(0), max: at(last) }
    }

    /// How many times the second figure the first is, round by round.
    fn of_ratios(ours: &[f64], theirs: &[f64]) -> Self {
        let pairs = ours.iter().zip(theirs);
        Spread::of(pairs.map(|(ours, theirs)| ours / theirs.max(1e-9)))
    }

    fn times(self) -> String {
        let Spread { median, min, max } = self;
        format!("{median:.2} ({min:.2}-{max:.2})")
    }
}

/// Says what one run has come to.
pub(super) fn say_measured(it: &Measured) {
    say(format!(
        "    {:>9.0}/s   p50 {:.2}  p99 {:.2}  p99.9 {:.2} ms   server CPU {:.1} us, generator {:.1} us",
        it.rate, it.p50, it.p99, it.p999, it.server_cpu, it.generator_cpu
    ));
    if let Some(first) = &it.first {
        let (violations, errors) = (it.violations, it.errors);
        say(format!("    {violations} violations, {errors} errors; the first: {first}"));
    }
}

impl Results {
    pub(super) fn new(peers: Vec<&'static str>) -> Self {
        Results { peers, loads: Vec::new(), lives: Vec::new() }
    }

    pub(super) fn load(&mut self, workload: Workload, peer: &'static str, measured: Measured) {
        self.loads.push((workload, peer, measured));
    }

    pub(super) fn life(&mut self, peer: &'static str, life: Life) {
        self.lives.push((peer, life));
    }

    /// No promise was broken, and nothing failed.
    pub(super) fn all_well(&self) -> bool {
        let loads = self.loads.iter();
        let well = |it: &Measured| it.violations == 0 && it.errors == 0;
        loads.map(|(_, _, it)| it).all(well) && self.lives.iter().all(|(_, it)| it.lost == 0)
    }

    fn workloads(&self) -> Vec<Workload> {
        let mut all: Vec<Workload> = Vec::new();
        for (workload, ..) in &self.loads {
            if !all.contains(workload) {
                all.push(*workload);
            }
        }
        all
    }

    /// One figure of a workload on a peer, in the order of rounds.
    fn figures(&self, of: Workload, peer: &str, figure: Figure<Measured>) -> Vec<f64> {
        let of_it = self.loads.iter().filter(|it| it.0 == of && it.1 == peer);
        of_it.map(|(_, _, it)| figure(it)).collect()
    }

    fn lived(&self, peer: &str, figure: Figure<Life>) -> Vec<f64> {
        let of_it = self.lives.iter().filter(|it| it.0 == peer);
        of_it.map(|(_, it)| figure(it)).collect()
    }

    /// Prints medians of each peer, and the first one's ratios to the others.
    pub(super) fn print(&self) {
        let Some((first, others)) = self.peers.split_first() else {
            return;
        };
        if !self.loads.is_empty() {
            self.print_loads();
            for other in others {
                self.print_ratios(first, other);
            }
        }
        if !self.lives.is_empty() {
            self.print_lives(first, others);
        }
        let violations: u64 = self.loads.iter().map(|it| it.2.violations).sum();
        let errors: u64 = self.loads.iter().map(|it| it.2.errors).sum();
        let lost: u64 = self.lives.iter().map(|it| it.1.lost).sum();
        println!("\n{violations} violations, {errors} errors, {lost} acknowledged writes lost");
    }

    fn print_loads(&self) {
        println!(
            "\n{:<16} {:<10} {:>9} {:>9} {:>9} {:>9} {:>14}",
            "workload", "peer", "ops/s", "p50 ms", "p99 ms", "p99.9 ms", "server us/op"
        );
        for workload in self.workloads() {
            for peer in &self.peers {
                let median = |figure| Spread::of(self.figures(workload, peer, figure).into_iter());
                println!(
                    "{:<16} {:<10} {:>9.0} {:>9.2} {:>9.2} {:>9.2} {:>14.1}",
                    workload.to_string(),
                    peer,
                    median(|it| it.rate).median,
                    median(|it| it.p50).median,
                    median(|it| it.p99).median,
                    median(|it| it.p999).median,
                    median(|it| it.server_cpu).median,
                );
            }
        }
    }

    fn print_ratios(&self, first: &str, other: &str) {
        println!(
            "\n{:<16} {:>22} {:>22} {:>22}",
            format!("{first}/{other}"),
            "ops/s, more is better",
            "p99, less is better",
            "CPU/op, less is better"
        );
        for workload in self.workloads() {
            let ratio = |figure: Figure<Measured>| {
                let figures = |peer| self.figures(workload, peer, figure);
                Spread::of_ratios(&figures(first), &figures(other)).times()
            };
            println!(
                "{:<16} {:>22} {:>22} {:>22}",
                workload.to_string(),
                ratio(|it| it.rate),
                ratio(|it| it.p99),
                ratio(|it| it.server_cpu)
            );
        }
    }

    fn print_lives(&self, first: &str, others: &[&'static str]) {
        println!();
        for (name, figure, more, unit, suffix) in LIFE {
            let mut line = format!("{name:<50}");
            for peer in &self.peers {
                let median = Spread::of(self.lived(peer, figure).into_iter()).median;
                line += &format!("  {peer} {:.2} {suffix}", median / unit);
            }
            let better = if more { "more" } else { "less" };
            for other in others {
                let ratio =
                    Spread::of_ratios(&self.lived(first, figure), &self.lived(other, figure));
                line += &format!("  ratio {}, {better} is better", ratio.times());
            }
            println!("{line}");
        }
    }

    /// Every figure of every round.
    pub(super) fn json(&self) -> Value {
        let loads = self.loads.iter().map(|(workload, peer, it)| {
            json!({
                "workload": workload.to_string(), "peer": peer, "ops_per_second": it.rate,
                "p50_ms": it.p50, "p99_ms": it.p99, "p999_ms": it.p999,
                "server_cpu_us": it.server_cpu, "generator_cpu_us": it.generator_cpu,
                "violations": it.violations, "errors": it.errors,
            })
        });
        let lives = self.lives.iter().map(|(peer, it)| {
            let figures = LIFE.iter().map(|(name, figure, ..)| ((*name).to_owned(), figure(it)));
            let figures: std::collections::BTreeMap<String, f64> = figures.collect();
            json!({ "peer": peer, "lost": it.lost, "figures": figures })
        });
        json!({ "loads": loads.collect::<Vec<_>>(), "lives": lives.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let spread = Spread::of_ratios(&[2.0, 30.0, 4.0, 8.0], &[1.0, 10.0, 4.0, 2.0]);
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 2.5, 4.0));
        assert_eq!(Spread::of(std::iter::empty()), Spread::default());
    }
}
