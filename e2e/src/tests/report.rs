//! What there is to see when a test has failed.

use crate::stage::ctx::Ctx;
use crate::stage::helm;

/// Prints pods, events, ensembles and logs of a test's namespace, and the operator's log.
pub(crate) async fn print(ctx: &Ctx) {
    let namespace = ctx.namespace.as_str();
    let own: [&[&str]; 5] = [
        &["get", "pods,pvc", "-o", "wide"],
        &["get", "events", "--sort-by=.metadata.creationTimestamp"],
        &["get", "cens", "-o", "yaml"],
        &["get", "statefulsets,services,endpoints,configmaps,poddisruptionbudgets"],
        &["describe", "pods"],
    ];
    for args in own {
        section(ctx, &["-n", namespace], args, 160).await;
    }
    let pods = ctx.kubectl(&["get", "pods", "-o", "name"]).await.unwrap_or_default();
    for pod in pods.lines() {
        section(ctx, &["-n", namespace], &["logs", "--tail=40", pod], 40).await;
        section(ctx, &["-n", namespace], &["logs", "--tail=20", "--previous", pod], 20).await;
    }
    let system = ["-n", helm::NAMESPACE];
    section(ctx, &system, &["get", "pods", "-o", "wide"], 20).await;
    let operator = "app.kubernetes.io/name=quorate-operator";
    section(ctx, &system, &["logs", "--tail=150", "-l", operator], 150).await;
}

async fn section(ctx: &Ctx, scope: &[&str], args: &[&str], lines: usize) {
    let words = [scope, args].concat();
    // What is not there has nothing to say.
    let Ok(text) = ctx.stage.cluster.kubectl.run(&words).await else {
        return;
    };
    println!("--- kubectl {}", words.join(" "));
    let all: Vec<&str> = text.lines().collect();
    for line in &all[all.len().saturating_sub(lines)..] {
        println!("    {line}");
    }
}
