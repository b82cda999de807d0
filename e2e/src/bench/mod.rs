//! The comparison: the same load on Quorate and on its peers, three members each, side by side on
//! one machine. Absolute figures say more of the machine than of the servers, so peers take turns
//! within every round, and what is printed at the end are ratios.
//!
//! A workload (`workload.rs`) is played on znodes made before (`scene.rs`, `content.rs`) by one
//! thread that never waits (`link.rs`): sessions that ask on and on
//! (`closed_loop.rs`), watch (`fan_out.rs`), or come and go (`connects.rs`). `tally.rs` and
//! `histogram.rs` keep what was seen, `usage.rs` asks the kernel what the servers took for it,
//! `life.rs` measures restarts, a leader's end, memory and disk, and `table.rs` prints and compares.

mod closed_loop;
mod connects;
mod content;
mod fan_out;
mod histogram;
mod life;
mod link;
mod scene;
mod table;
mod tally;
mod usage;
mod workload;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;

use crate::common::progress::say;
use crate::common::settings::Settings;
use crate::local::zookeeper;
use crate::local::{LocalEnsemble, Server, Size};
use scene::Scene;
use table::Results;
use tally::{Measured, Tally, Timing};
use workload::{Kind, Workload};

/// Until a peer's figures count: Java compiles what it finds to be hot.
const WARM_UP: Duration = Duration::from_secs(30);
/// Before each point.
const SETTLE: Duration = Duration::from_millis(1500);
/// The settings of all peers, where their defaults differ or would get in the way.
const MORE: &str = "tickTime=2000\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n";
/// Names the measurements that are not of a load.
const LIFE: &str = "life";

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PeerName {
    /// The node as it goes into the image, or what QUORATE_NODE names
    Quorate,
    /// ZooKeeper 3.9, with its defaults and 1 GiB of heap
    Zookeeper,
    /// Another build of the node (`--baseline`)
    Baseline,
}

impl PeerName {
    fn label(self) -> &'static str {
        match self {
            PeerName::Quorate => "quorate",
            PeerName::Zookeeper => "zookeeper",
            PeerName::Baseline => "baseline",
        }
    }
}

/// What to run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Whom to measure; all others are compared with the first
    #[arg(long, value_delimiter = ',', default_value = "quorate,zookeeper")]
    peers: Vec<PeerName>,
    /// Another build of quorate-node, for the peer `baseline`
    #[arg(long)]
    baseline: Option<PathBuf>,
    /// Only workloads whose names begin so (`write`, `read-16x32`, `life`)
    #[arg(long, value_delimiter = ',')]
    workloads: Vec<String>,
    /// How long each point is measured
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where to write all figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only print the names of the workloads
    #[arg(long)]
    list: bool,
}

impl Plan {
    fn wants(&self, name: &str) -> bool {
        let filter = &self.workloads;
        filter.is_empty() || filter.iter().any(|it| name.starts_with(it.as_str()))
    }

    fn chosen(&self) -> Vec<Workload> {
        let all = workload::ALL.into_iter();
        all.filter(|it| self.wants(&it.to_string())).collect()
    }
}

struct Peer {
    name: &'static str,
    server: Server,
}

/// Runs a plan; false if an answer was wrong or something failed.
///
/// # Errors
/// If a peer cannot be had, or does not serve.
pub(crate) async fn run(settings: &Settings, plan: Plan) -> Result<bool> {
    let chosen = plan.chosen();
    if plan.list {
        chosen.iter().for_each(|it| println!("{it}"));
        println!("{LIFE}");
        return Ok(true);
    }
    let life = plan.wants(LIFE);
    ensure!(life || !chosen.is_empty(), "no workload has such a name: see --list");
    let mut peers = Vec::new();
    for name in &plan.peers {
        let server = match name {
            PeerName::Quorate => Server::quorate(settings).await?,
            PeerName::Zookeeper => zookeeper::server(settings).await?,
            PeerName::Baseline => {
                let program = plan.baseline.clone();
                Server::Quorate(program.context("--baseline names another build of the node")?)
            }
        };
        peers.push(Peer { name: name.label(), server });
    }
    let mut results = Results::new(peers.iter().map(|it| it.name).collect());
    if !chosen.is_empty() {
        loads(&peers, &chosen, &plan, &mut results).await?;
    }
    if life {
        for round in 0..plan.rounds {
            for peer in in_turn(&peers, round) {
                say(format!("round {}: the life of {}", round + 1, peer.name));
                results.life(peer.name, life::measure(&peer.server).await?);
            }
        }
    }
    results.print();
    if let Some(path) = &plan.json {
        std::fs::write(path, serde_json::to_string_pretty(&results.json())?)
            .with_context(|| format!("write {}", path.display()))?;
    }
    Ok(results.all_well())
}

/// Each second round the other way round, so that nobody always comes after the same.
fn in_turn<T>(peers: &[T], round: usize) -> Vec<&T> {
    let mut peers: Vec<&T> = peers.iter().collect();
    if round % 2 == 1 {
        peers.reverse();
    }
    peers
}

async fn loads(
    peers: &[Peer],
    chosen: &[Workload],
    plan: &Plan,
    results: &mut Results,
) -> Result<()> {
    let mut running = Vec::new();
    for peer in peers {
        say(format!("starting three members of {}", peer.name));
        let ensemble = LocalEnsemble::start_of(&peer.server, 3, MORE, Size::Full).await?;
        running.push((peer, ensemble));
    }
    for (peer, ensemble) in &running {
        if matches!(peer.server, Server::ZooKeeper(_)) {
            warm_up(peer, ensemble, chosen).await?;
        }
    }
    let timing = Timing { warm: SETTLE, counted: Duration::from_secs(plan.seconds.max(1)) };
    for round in 0..plan.rounds {
        for workload in chosen {
            for (peer, ensemble) in in_turn(&running, round) {
                let measured = play(ensemble, *workload, timing).await;
                if measured.is_err() {
                    ensemble.print_logs(20);
                }
                let measured = measured.with_context(|| format!("{workload} on {}", peer.name))?;
                say(format!("round {}: {workload}, {}", round + 1, peer.name));
                table::say_measured(&measured);
                results.load(*workload, peer.name, measured);
            }
        }
    }
    Ok(())
}

async fn warm_up(peer: &Peer, ensemble: &LocalEnsemble, chosen: &[Workload]) -> Result<()> {
    say(format!("warming {} up", peer.name));
    let each = WARM_UP / u32::try_from(chosen.len())?;
    let timing = Timing { warm: Duration::ZERO, counted: each };
    for workload in chosen {
        play(ensemble, *workload, timing).await?;
    }
    Ok(())
}

/// Plays one workload on a thread of its own: nothing else may take its time.
async fn play(ensemble: &LocalEnsemble, workload: Workload, timing: Timing) -> Result<Measured> {
    let addresses: Result<Vec<SocketAddr>> =
        (0..ensemble.len()).map(|at| Ok(ensemble.address(at)?.parse()?)).collect();
    let (addresses, servers) = (addresses?, ensemble.pids());
    tokio::task::spawn_blocking(move || {
        let Some(first) = addresses.first() else {
            bail!("there are no servers");
        };
        let scene = Scene::make(*first, workload)?;
        let mut tally = Tally::new(&servers, timing);
        match workload.kind {
            Kind::Watch => fan_out::run(&addresses, workload, &scene, &mut tally)?,
            Kind::Connect => connects::run(&addresses, workload, &mut tally)?,
            _ => closed_loop::run(&addresses, workload, &scene, &mut tally)?,
        }
        tally.measured()
    })
    .await?
}
