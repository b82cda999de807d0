//! The same histories on Quorate and on a real ZooKeeper: what their clients see must be the same,
//! but for what `allowed.rs` lists.
//!
//! A history (`history.rs`) is made of a seed (`generate`, by `rng.rs`), played below a znode and with
//! sessions of its own, on each server (`play.rs`, bytes by `wire.rs`, `answer.rs` and
//! `line.rs`, ops by `ops.rs`,
//! logins by `sasl.rs`), freed of what differs by nature (`normal.rs`), and compared (`compare.rs`).
//! One that fails is made short (`shrink.rs`).
//!
//! Histories of membership changes are played one after the other on ensembles of their own
//! (`changing.rs`), whose ports have names in them (`places.rs`).

mod allowed;
mod answer;
mod changing;
mod compare;
mod generate;
mod history;
mod line;
mod normal;
mod ops;
mod places;
mod play;
mod rng;
mod sasl;
mod shrink;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use futures::StreamExt;
use futures::future::try_join_all;

use crate::common::progress::say;
use crate::common::settings::Settings;
use crate::local::zookeeper;
use crate::local::{Folder, LocalEnsemble, Server};
use changing::{ALL, Changing};
use compare::{Difference, compare};
use history::{Action, History};
use line::Kind;
use play::{Target, Transcript, play};

/// How many histories are played at the same time.
const AT_ONCE: usize = 24;
/// Of so many histories one is about the membership.
const MEMBERSHIP: u64 = 100;
/// How many different failures are made short and printed.
const PRINTED: usize = 8;

/// How many there are unless another number is wanted: enough to meet each kind of answer often.
pub(crate) const HISTORIES: u64 = 3500;

/// What to run.
pub(crate) struct Plan {
    /// The first seed.
    pub(crate) from: u64,
    /// How many seeds.
    pub(crate) histories: u64,
    /// Whether to print the history and all answers.
    pub(crate) aloud: bool,
    /// Whether to play only histories of membership changes.
    pub(crate) membership: bool,
}

/// The servers.
struct Stand {
    zookeeper: Target,
    ours: Vec<Target>,
    /// How many histories are played at the same time.
    at_once: usize,
    /// Makes the history of a seed.
    make: fn(u64) -> History,
    /// A new root znode for each play.
    plays: AtomicU32,
    /// How often each line of the table of allowed differences was needed.
    used: Mutex<BTreeMap<usize, usize>>,
    /// How often ZooKeeper gave each kind of answer.
    answers: Mutex<BTreeMap<Kind, usize>>,
}

/// Where two servers differ, and on which.
struct Failure {
    target: usize,
    difference: Difference,
}

/// Plays all histories of a plan; false if one failed.
///
/// # Errors
/// If a server does not start, or cannot be reached any more.
pub(crate) async fn run(settings: &Settings, plan: &Plan) -> Result<bool> {
    let zookeeper = zookeeper::server(settings).await?;
    let quorate = Server::quorate(settings).await?;
    let users = Folder::new()?;
    let jaas = users.path().join("jaas.conf");
    fs::write(&jaas, generate::JAAS)?;
    let more = format!(
        "4lw.commands.whitelist=*\nextendedTypesEnabled=true\nmaxClientCnxns=0\n\
         minSessionTimeout=10000\nmaxSessionTimeout=30000\nenforceQuota=true\nforceSync=no\nsnapCount=1000000\n\
         znode.container.checkIntervalMs=86400000\n\
         DigestAuthenticationProvider.superDigest={}\nsuperUser={}\n\
         java.security.auth.login.config={}\n\
         authProvider.sasl=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
        generate::SUPER,
        generate::SUPER_USER,
        jaas.display()
    );
    let mut alike = true;
    if !plan.membership {
        alike &= run_requests(&zookeeper, &quorate, &more, plan).await?;
    }
    if plan.membership || plan.histories >= MEMBERSHIP {
        alike &= run_membership(&zookeeper, &quorate, &more, plan).await?;
    }
    Ok(alike)
}

/// One ZooKeeper, and one and three members of Quorate.
async fn run_requests(
    zookeeper: &Server,
    quorate: &Server,
    more: &str,
    plan: &Plan,
) -> Result<bool> {
    say("starting ZooKeeper, one member of Quorate, and three");
    let oracle = LocalEnsemble::start(zookeeper, 1, more).await?;
    let one = LocalEnsemble::start(quorate, 1, more).await?;
    let three = LocalEnsemble::start(quorate, 3, more).await?;
    let ours = vec![target("one member", &one)?, target("three members", &three)?];
    let theirs = target("ZooKeeper", &oracle)?;
    let stand = Stand::new(theirs, ours, AT_ONCE, generate::history);
    let seeds = plan.from..plan.from.saturating_add(plan.histories);
    let outcome = stand.run(seeds, plan.aloud).await;
    if outcome.is_err() {
        for ensemble in [&oracle, &one, &three] {
            ensemble.print_logs(20);
        }
    }
    outcome
}

/// Three members and two servers that may join, of either.
async fn run_membership(
    zookeeper: &Server,
    quorate: &Server,
    more: &str,
    plan: &Plan,
) -> Result<bool> {
    say("starting ensembles of ZooKeeper and of Quorate whose members clients may change");
    let more = format!("{more}reconfigEnabled=true\n");
    let (theirs, ours) =
        tokio::try_join!(Changing::start(zookeeper, &more), Changing::start(quorate, &more))?;
    let (theirs, ours) = (Arc::new(theirs), Arc::new(ours));
    let stand = Stand::new(
        changing_target("ZooKeeper", &theirs)?,
        vec![changing_target("three members and two more", &ours)?],
        // The configuration is that of the whole ensemble.
        1,
        generate::membership::membership,
    );
    let count = match plan.membership {
        true => plan.histories,
        false => plan.histories / MEMBERSHIP,
    };
    let seeds = plan.from..plan.from.saturating_add(count);
    let outcome = stand.run(seeds, plan.aloud).await;
    if outcome.is_err() {
        theirs.print_logs(20);
        ours.print_logs(20);
    }
    outcome
}

fn target(name: &'static str, ensemble: &LocalEnsemble) -> Result<Target> {
    let addresses = (0..ensemble.len()).map(|at| Ok(ensemble.address(at)?.parse()?));
    Ok(Target { name, addresses: addresses.collect::<Result<_>>()?, changing: None })
}

fn changing_target(name: &'static str, changing: &Arc<Changing>) -> Result<Target> {
    let addresses = (0..usize::from(ALL)).map(|at| Ok(changing.address(at)?.parse()?));
    Ok(Target {
        name,
        addresses: addresses.collect::<Result<_>>()?,
        changing: Some(Arc::clone(changing)),
    })
}

impl Stand {
    fn new(zookeeper: Target, ours: Vec<Target>, at_once: usize, make: fn(u64) -> History) -> Self {
        Stand {
            zookeeper,
            ours,
            at_once,
            make,
            plays: AtomicU32::new(0),
            used: Mutex::new(BTreeMap::new()),
            answers: Mutex::new(BTreeMap::new()),
        }
    }

    async fn run(&self, seeds: Range<u64>, aloud: bool) -> Result<bool> {
        let mut outcomes = futures::stream::iter(seeds)
            .map(async |seed| {
                let history = (self.make)(seed);
                let outcome = self.judge(&history, aloud).await;
                (history, outcome)
            })
            .buffer_unordered(self.at_once);
        let (mut passed, mut failed) = (0_u64, 0_u64);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        while let Some((history, outcome)) = outcomes.next().await {
            let seed = history.seed;
            if outcome.is_err() {
                print!("{history}");
            }
            match outcome.with_context(|| format!("seed {seed}"))? {
                None => passed += 1,
                Some(failure) => {
                    failed += 1;
                    let kind = failure.kind(&history);
                    let count = kinds.entry(kind.clone()).or_default();
                    *count += 1;
                    if *count == 1 && kinds.len() <= PRINTED {
                        self.explain(history, failure, &kind).await;
                    }
                }
            }
            if (passed + failed) % 500 == 0 {
                say(format!("{passed} passed, {failed} failed"));
            }
        }
        for (kind, count) in &kinds {
            println!("failed {count} times: {kind}");
        }
        self.print_answers();
        self.print_allowed();
        println!("{passed} passed, {failed} failed");
        Ok(failed == 0)
    }

    async fn judge(&self, history: &History, aloud: bool) -> Result<Option<Failure>> {
        let number = self.plays.fetch_add(1, Ordering::Relaxed);
        let ours = self.ours.iter().map(|it| play(it, history, number));
        let (theirs, ours) =
            tokio::try_join!(play(&self.zookeeper, history, number), try_join_all(ours))?;
        let theirs = normal::normal(theirs);
        self.count(&theirs);
        if aloud {
            println!("{history}");
            print_transcript(&theirs);
        }
        for (target, ours) in ours.into_iter().enumerate() {
            let mut used = BTreeMap::new();
            let difference = compare(history, &theirs, &normal::normal(ours), &mut used);
            let mut all = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            for (rule, count) in used {
                *all.entry(rule).or_default() += count;
            }
            if let Some(difference) = difference {
                return Ok(Some(Failure { target, difference }));
            }
        }
        Ok(None)
    }

    /// Prints a failure, as short as it can be made.
    async fn explain(&self, history: History, failure: Failure, kind: &str) {
        let short = shrink::shrink(&history, async |shorter: &History| {
            match self.judge(shorter, false).await {
                Ok(Some(failure)) => failure.kind(shorter) == kind,
                Ok(None) | Err(_) => false,
            }
        })
        .await;
        // What fails only now and then is told as it was first seen.
        let (history, failure) = match self.judge(&short, false).await {
            Ok(Some(failure)) => (short, failure),
            Ok(None) | Err(_) => (history, failure),
        };
        let name = self.ours.get(failure.target).map_or("?", |it| it.name);
        let Difference { at, client, theirs, ours } = &failure.difference;
        let step = history.steps.get(*at).map_or(0, |step| step.id);
        println!("\nseed {}: {kind}", history.seed);
        print!("{history}");
        println!("  in step {step}, client {client} sees of {}", self.zookeeper.name);
        for line in theirs {
            println!("    {line}");
        }
        println!("  and of Quorate, {name}");
        for line in ours {
            println!("    {line}");
        }
        let membership = match self.zookeeper.changing {
            Some(_) => "--membership ",
            None => "",
        };
        println!("  again: cargo e2e differential {membership}--replay {}\n", history.seed);
    }

    fn count(&self, transcript: &Transcript) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for line in transcript.steps.iter().flat_map(|step| step.values().flatten()) {
            *answers.entry(line.kind).or_default() += 1;
        }
    }

    /// What was compared: how often each op had each outcome.
    fn print_answers(&self) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: BTreeMap<String, String> = BTreeMap::new();
        for (kind, count) in answers.iter() {
            let (name, err) = match kind {
                Kind::Handshake => ("handshakes".to_owned(), String::new()),
                Kind::Event => ("events".to_owned(), String::new()),
                Kind::End => ("ends".to_owned(), String::new()),
                Kind::Reply { op: ops::CREATE_SESSION, .. } => continue,
                Kind::Reply { op, err } => (ops::name(*op), format!("{err}: ")),
            };
            let line = lines.entry(name).or_default();
            *line += &format!("  {err}{count}");
        }
        for (name, counts) in lines {
            println!("{name:<22}{counts}");
        }
    }

    fn print_allowed(&self) {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, allowed) in allowed::ALLOWED.iter().enumerate() {
            let count = used.get(&number).copied().unwrap_or_default();
            println!("allowed {count} times: {}, for {}", allowed.what, allowed.why);
        }
    }
}

impl Failure {
    /// What tells this failure from others, roughly.
    fn kind(&self, history: &History) -> String {
        let action = history.steps.get(self.difference.at).map(|step| &step.action);
        let Difference { theirs, ours, .. } = &self.difference;
        let pair = theirs.iter().zip(ours).find(|(a, b)| a != b);
        match (pair, action) {
            (Some((a, b)), _) => format!("{:?} against {:?}", a.kind, b.kind),
            (None, Some(Action::Connect(_))) => "another number of answers to a handshake".into(),
            (None, _) => "another number of answers".into(),
        }
    }
}

fn print_transcript(transcript: &Transcript) {
    for (at, step) in transcript.steps.iter().enumerate() {
        for (client, lines) in step {
            for line in lines {
                println!("  at {at}, client {client}: {line}");
            }
        }
    }
}
