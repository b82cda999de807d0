//! `cargo e2e demo`: what a user does with an ensemble, typed and shown, while clients write to it
//! without pause; and at the end what the clients and a watcher of the quorum have to say.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::MissedTickBehavior;

use crate::common::progress::say;
use crate::common::settings::Settings;
use crate::stage::Stage;
use crate::stage::cluster;
use crate::stage::ctx::Ctx;
use crate::stage::ensemble::{Ensemble, SOON};
use crate::watch::load::{CLIENTS, Load};

const NAMESPACE: &str = "demo";
/// How often the terminal tells how far things are.
const NEWS: Duration = Duration::from_secs(1);

/// Shows an ensemble from the chart's installation to the last restarted member.
pub(crate) async fn run(settings: Settings, keep: bool) -> Result<()> {
    let stage = Stage::prepare(settings.clone()).await?;
    install(&stage).await?;
    let ctx = Ctx::enter(&stage, NAMESPACE.to_owned()).await?;
    let outcome = play(&ctx).await;
    if keep {
        stage.say_how_to_explore();
        return outcome;
    }
    ctx.leave().await?;
    // What was there before stays.
    if !stage.cluster.found {
        cluster::down(&settings).await?;
    }
    outcome
}

async fn install(stage: &Stage) -> Result<()> {
    let root = stage.settings.root.display().to_string() + "/";
    let words = stage.helm.install_words().join(" ").replace(&root, "");
    typed(&format!("helm {words}"));
    shown(&stage.helm.install().await?);
    Ok(())
}

async fn play(ctx: &Arc<Ctx>) -> Result<()> {
    kubectl(ctx, &["apply", "-f", "crds/examples/minimal.yaml"]).await?;
    let ensemble = Ensemble::named(ctx, "zk");
    news(&ensemble, None, ensemble.settled(3, SOON)).await?;
    kubectl(ctx, &["get", "cens,pods"]).await?;

    let connect = ensemble.service_name();
    zk_cli(ctx, &connect, &["create /greeting hello"]).await?;

    say(format!("{CLIENTS} clients write without pause from now on"));
    let load = Load::start(&ensemble).await?;
    for replicas in [5, 3] {
        let size = format!("--replicas={replicas}");
        kubectl(ctx, &["scale", "cens", "zk", &size]).await?;
        news(&ensemble, Some(&load), ensemble.settled(replicas, SOON)).await?;
        kubectl(ctx, &["get", "cens,pods"]).await?;
        load.writer.writes(100).await?;
    }
    let restart = r#"{"spec":{"rollout":{"restartAt":"now"}}}"#;
    kubectl(ctx, &["patch", "cens", "zk", "--type=merge", "-p", restart]).await?;
    news(&ensemble, Some(&load), ensemble.settled(3, SOON)).await?;
    kubectl(ctx, &["get", "cens,pods"]).await?;
    load.writer.writes(100).await?;

    for ordinal in 0..3 {
        let member = ensemble.member_name(ordinal);
        zk_cli(ctx, &member, &["sync /greeting", "get /greeting"]).await?;
    }
    kubectl(
        ctx,
        &[
            "get",
            "events",
            "--field-selector=involvedObject.kind=CoordinationEnsemble",
            "-o",
            "custom-columns=REASON:.reason,NOTE:.message",
        ],
    )
    .await?;
    let numbers = load.finish().await?;
    numbers.hold()?;
    numbers.leader_changes(1)?;
    say("no acknowledged write was lost, no session ended, the quorum was kept throughout");
    Ok(())
}

/// A line as a user types it.
fn typed(line: &str) {
    println!("\n$ {line}");
}

/// What came out of it.
fn shown(text: &str) {
    for line in text.trim_end().lines() {
        println!("  {line}");
    }
}

async fn kubectl(ctx: &Ctx, words: &[&str]) -> Result<()> {
    let quoted = words.iter().map(|it| match it.contains(['{', ' ']) {
        true => format!("'{it}'"),
        false => (*it).to_owned(),
    });
    let line = quoted.collect::<Vec<_>>().join(" ");
    typed(&format!("kubectl -n {NAMESPACE} {line}"));
    // Files are named as from the checkout, wherever this runs.
    let root = &ctx.stage.settings.root;
    let words: Vec<String> = words
        .iter()
        .map(|it| match it.ends_with(".yaml") {
            true => root.join(it).display().to_string(),
            false => (*it).to_owned(),
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    shown(&ctx.kubectl(&words).await?);
    Ok(())
}

/// ZooKeeper's own command line, with what it says about the commands.
async fn zk_cli(ctx: &Ctx, connect: &str, commands: &[&str]) -> Result<()> {
    typed(&format!("zkCli.sh -server {connect} {}", commands.join("; ")));
    let said = ctx.stage.clients.zk_cli(connect, &(commands.join("\n") + "\nquit\n")).await?;
    let answers = said.lines().filter(|it| {
        let about_itself = ["Connecting", "Welcome", "JLine", "WATCHER", "WatchedEvent"];
        !it.is_empty() && !about_itself.iter().any(|begin| it.starts_with(begin))
    });
    shown(&answers.collect::<Vec<_>>().join("\n"));
    ensure!(said.contains("hello") || said.contains("Created"), "zkCli did not do it: {said}");
    Ok(())
}

/// Tells each new step of the operation while it is waited for.
async fn news(
    ensemble: &Ensemble,
    load: Option<&Load>,
    wait: impl Future<Output = Result<()>>,
) -> Result<()> {
    tokio::pin!(wait);
    let mut period = tokio::time::interval(NEWS);
    period.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = String::new();
    loop {
        tokio::select! {
            outcome = &mut wait => return outcome,
            _ = period.tick() => {}
        }
        let Ok(status) = ensemble.status().await else {
            continue;
        };
        let leader = status.leader.map_or("nobody".to_owned(), |it| it.member);
        let voters = status.quorum.map_or(0, |it| it.voters);
        let step = status
            .operation
            .map_or("nothing is under way".to_owned(), |it| format!("{}: {}", it.kind, it.step));
        let now = format!("{voters} voters, {leader} leads, {step}");
        if now == last {
            continue;
        }
        match load {
            Some(load) => say(format!("{now} ({} writes)", load.writer.acknowledged())),
            None => say(&now),
        }
        last = now;
    }
}
