//! Runs the tests: one after another, each in a namespace of its own that goes with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::cluster;
use crate::progress::{say, seconds};
use crate::report;
use crate::settings::Settings;
use crate::stage::Stage;
use crate::tests;
use crate::until::until;

/// No test may hang.
const LIMIT: Duration = Duration::from_secs(420);

/// A test.
pub(crate) struct Test {
    pub(crate) name: &'static str,
    /// What it shows, in words.
    pub(crate) about: &'static str,
    pub(crate) run: fn(Arc<Ctx>) -> BoxFuture<'static, Result<()>>,
}

/// What a test has at hand.
pub(crate) struct Ctx {
    pub(crate) stage: Arc<Stage>,
    pub(crate) namespace: String,
    serial: AtomicU32,
}

impl Ctx {
    pub(crate) fn client(&self) -> Client {
        self.stage.cluster.client.clone()
    }

    /// kubectl in the test's namespace.
    pub(crate) async fn kubectl(&self, args: &[&str]) -> Result<String> {
        let words = [&["-n", self.namespace.as_str()], args].concat();
        self.stage.cluster.kubectl.run(&words).await
    }

    /// A number that is not given twice.
    pub(crate) fn serial(&self) -> u32 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

/// Those whose names hold one of the words; all without words.
fn chosen(filter: &[String]) -> Vec<Test> {
    let wanted = |it: &Test| filter.is_empty() || filter.iter().any(|word| it.name.contains(word));
    tests::all().into_iter().filter(wanted).collect()
}

/// Prints what there is.
pub(crate) fn list(filter: &[String]) {
    for test in chosen(filter) {
        println!("{:<36} {}", test.name, test.about);
    }
}

/// Runs what was chosen; whether all passed.
pub(crate) async fn run(settings: Settings, filter: &[String], keep: bool) -> Result<bool> {
    let chosen = chosen(filter);
    ensure!(
        !chosen.is_empty(),
        "no test is called so: `cargo e2e test --list` prints them"
    );
    let stage = Stage::set(settings.clone()).await?;
    let (mut passed, mut failed) = (0, Vec::new());
    for test in chosen {
        println!("\n{}: {}", test.name, test.about);
        let begun = Instant::now();
        let outcome = one(&stage, &test, keep).await;
        let took = seconds(begun.elapsed());
        match outcome {
            Ok(()) => {
                println!("ok      {} ({took})", test.name);
                passed += 1;
            }
            Err(error) => {
                println!("FAILED  {} ({took}): {error:#}", test.name);
                failed.push(format!("{}: {error:#}", test.name));
            }
        }
    }
    println!();
    // What was there before stays.
    if !keep && !stage.cluster.found {
        cluster::down(&settings).await?;
    }
    for line in &failed {
        println!("FAILED  {line}");
    }
    println!("{passed} passed, {} failed", failed.len());
    Ok(failed.is_empty())
}

async fn one(stage: &Arc<Stage>, test: &Test, keep: bool) -> Result<()> {
    let namespace = format!("e2e-{}", test.name.replace('_', "-"));
    let ctx = Arc::new(Ctx {
        stage: Arc::clone(stage),
        namespace,
        serial: AtomicU32::new(0),
    });
    remove_namespace(&ctx)
        .await
        .context("a namespace of an earlier run does not go")?;
    make_namespace(&ctx).await?;
    // In a task, so that a test that breaks down is one that failed.
    let body = tokio::spawn((test.run)(Arc::clone(&ctx)));
    let abort = body.abort_handle();
    let outcome = match tokio::time::timeout(LIMIT, body).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(broken)) => Err(anyhow!("it broke down: {broken}")),
        Err(_) => {
            abort.abort();
            Err(anyhow!("it takes more than {} s", LIMIT.as_secs()))
        }
    };
    if let Err(error) = &outcome {
        say(format!("FAILED: {error:#}"));
        report::print(&ctx).await;
    }
    if !(keep && outcome.is_err()) {
        remove_namespace(&ctx).await?;
    }
    outcome
}

async fn make_namespace(ctx: &Ctx) -> Result<()> {
    let namespace: Namespace = serde_json::from_value(json!({
        "metadata": { "name": ctx.namespace, "labels": {
            "quorate.dev/e2e": "test",
            // Whatever a test makes has to get by with this.
            "pod-security.kubernetes.io/enforce": "restricted",
        } },
    }))?;
    let namespaces: Api<Namespace> = Api::all(ctx.client());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await?;
    Ok(())
}

/// With all that is in it, its volumes included.
async fn remove_namespace(ctx: &Ctx) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(ctx.client());
    if namespaces.get_opt(&ctx.namespace).await?.is_none() {
        return Ok(());
    }
    // Nobody needs what these would still write.
    let _ = ctx
        .kubectl(&["delete", "cens", "--all", "--wait=false"])
        .await;
    let _ = ctx
        .kubectl(&[
            "delete",
            "pods",
            "--all",
            "--grace-period=1",
            "--wait=false",
        ])
        .await;
    namespaces
        .delete(&ctx.namespace, &DeleteParams::default())
        .await?;
    let volumes: Api<PersistentVolume> = Api::all(ctx.client());
    until(
        "the test's namespace and volumes are gone",
        120,
        async || {
            ensure!(
                namespaces.get_opt(&ctx.namespace).await?.is_none(),
                "the namespace is there"
            );
            let left = volumes.list(&ListParams::default()).await?.items;
            let claimed = |it: &PersistentVolume| {
                let claim = it.spec.as_ref().and_then(|it| it.claim_ref.as_ref());
                claim.is_some_and(|it| it.namespace.as_ref() == Some(&ctx.namespace))
            };
            ensure!(!left.iter().any(claimed), "volumes are there");
            Ok(())
        },
    )
    .await
}
