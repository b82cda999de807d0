//! The same histories on Quorate and on a real ZooKeeper: what their clients see must be the same,
//! but for what `allowed.rs` lists.
//!
//! A history is made of a seed (`generate`), played below a znode and with sessions of its own, on
//! each server (`play.rs`, bytes by `wire.rs` and `answer.rs`), freed of what differs by nature
//! (`normal.rs`), and compared (`compare.rs`). One that fails is made short (`shrink.rs`).

mod allowed;
mod answer;
mod compare;
mod generate;
mod history;
mod normal;
mod ops;
mod play;
mod rng;
mod sasl;
mod shrink;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::local::{Folder, LocalEnsemble, Server};
use crate::progress::say;
use crate::settings::Settings;
use crate::zookeeper;
use answer::Kind;
use compare::{Difference, compare};
use history::{Action, History};
use play::{Target, Transcript, play};

/// How many histories are played at the same time.
const AT_ONCE: usize = 24;
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
}

/// The servers.
struct Stand {
    zookeeper: Target,
    /// One member, and three.
    ours: [Target; 2],
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
    say("starting ZooKeeper, one member of Quorate, and three");
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
    let oracle = LocalEnsemble::start(&zookeeper, 1, &more).await?;
    let one = LocalEnsemble::start(&quorate, 1, &more).await?;
    let three = LocalEnsemble::start(&quorate, 3, &more).await?;
    let stand = Stand {
        zookeeper: target("ZooKeeper", &oracle)?,
        ours: [
            target("one member", &one)?,
            target("three members", &three)?,
        ],
        plays: AtomicU32::new(0),
        used: Mutex::new(BTreeMap::new()),
        answers: Mutex::new(BTreeMap::new()),
    };
    let outcome = stand.run(plan).await;
    if outcome.is_err() {
        for ensemble in [&oracle, &one, &three] {
            ensemble.print_logs(20);
        }
    }
    outcome
}

fn target(name: &'static str, ensemble: &LocalEnsemble) -> Result<Target> {
    let addresses = (0..ensemble.len()).map(|at| Ok(ensemble.address(at)?.parse()?));
    Ok(Target {
        name,
        addresses: addresses.collect::<Result<_>>()?,
    })
}

impl Stand {
    async fn run(&self, plan: &Plan) -> Result<bool> {
        let seeds = plan.from..plan.from.saturating_add(plan.histories);
        let mut outcomes = futures::stream::iter(seeds)
            .map(async |seed| {
                let history = generate::history(seed);
                let outcome = self.judge(&history, plan.aloud).await;
                (history, outcome)
            })
            .buffer_unordered(AT_ONCE);
        let (mut passed, mut failed) = (0_u64, 0_u64);
        let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
        while let Some((history, outcome)) = outcomes.next().await {
            let seed = history.seed;
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
        let [one, three] = &self.ours;
        let (theirs, one, three) = tokio::try_join!(
            play(&self.zookeeper, history, number),
            play(one, history, number),
            play(three, history, number),
        )?;
        let theirs = normal::normal(theirs);
        self.count(&theirs);
        if aloud {
            println!("{history}");
            print_transcript(&theirs);
        }
        for (target, ours) in [one, three].into_iter().enumerate() {
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
        let Difference {
            at,
            client,
            theirs,
            ours,
        } = &failure.difference;
        let step = history.steps.get(*at).map_or(0, |step| step.id);
        println!("\nseed {}: {kind}", history.seed);
        print!("{history}");
        println!(
            "  in step {step}, client {client} sees of {}",
            self.zookeeper.name
        );
        for line in theirs {
            println!("    {line}");
        }
        println!("  and of Quorate, {name}");
        for line in ours {
            println!("    {line}");
        }
        println!(
            "  again: cargo e2e differential --replay {}\n",
            history.seed
        );
    }

    fn count(&self, transcript: &Transcript) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for line in transcript
            .steps
            .iter()
            .flat_map(|step| step.values().flatten())
        {
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
                Kind::Reply {
                    op: ops::CREATE_SESSION,
                    ..
                } => continue,
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
            println!(
                "allowed {count} times: {}, for {}",
                allowed.what, allowed.why
            );
        }
    }
}

impl Failure {
    /// What tells this failure from others, roughly.
    fn kind(&self, history: &History) -> String {
        let action = history
            .steps
            .get(self.difference.at)
            .map(|step| &step.action);
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
