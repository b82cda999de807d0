//! The image by itself, as ZooKeeper's official one is run: no operator, no zoo.cfg, only variables.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::common::http;
use crate::common::progress::say;
use crate::common::until::until;
use crate::stage::ctx::Ctx;
use crate::stage::objects::{is_ready, pod_ip};

const SERVERS: u8 = 3;

/// Clients see the servers by these names, and they see each other so.
fn host(ctx: &Ctx, number: u8) -> String {
    format!("zoo-{number}.zoo.{}.svc.cluster.local", ctx.namespace)
}

/// A server, set up by variables alone.
fn container(ctx: &Ctx) -> Value {
    let list = (1..=SERVERS).map(|n| format!("server.{n}={}:2888:3888;2181", host(ctx, n)));
    let list: Vec<String> = list.collect();
    let variables = json!([
        { "name": "ZOO_MY_ID", "valueFrom": { "fieldRef": {
            "fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']" } } },
        { "name": "ZOO_SERVERS", "value": list.join(" ") },
        { "name": "ZOO_TICK_TIME", "value": "1500" },
        { "name": "ZOO_MAX_CLIENT_CNXNS", "value": "77" },
        { "name": "ZOO_4LW_COMMANDS_WHITELIST", "value": "srvr, mntr" },
        { "name": "ZOO_CFG_EXTRA", "value": "snapCount=12345" },
        { "name": "JVMFLAGS", "value": "-Xmx128m -Dzookeeper.maxCnxns=500" },
    ]);
    json!({
        "name": "zoo",
        "image": ctx.stage.image.name(),
        "env": variables,
        "ports": [{ "containerPort": 2181 }, { "containerPort": 2888 }, { "containerPort": 8080 }],
        "readinessProbe": {
            "httpGet": { "path": "/readyz", "port": 8080 },
            "periodSeconds": 1,
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            { "name": "data", "mountPath": "/data" },
            { "name": "datalog", "mountPath": "/datalog" },
        ],
    })
}

/// A headless Service and a StatefulSet, as people write them for the official image. Ordinals
/// begin with 1, so that a pod's ordinal is its `myid`.
fn objects(ctx: &Ctx) -> Value {
    let volumes = ["data", "datalog"].map(|name| {
        json!({
            "metadata": { "name": name },
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
            },
        })
    });
    let labels = json!({ "app": "zoo" });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "zoo" },
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": labels,
            "ports": [{ "name": "client", "port": 2181 }],
        },
    });
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": { "name": "zoo" },
        "spec": {
            "serviceName": "zoo",
            "replicas": SERVERS,
            "ordinals": { "start": 1 },
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "terminationGracePeriodSeconds": 20,
                    "automountServiceAccountToken": false,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "fsGroup": 65532,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [container(ctx)],
                },
            },
            "volumeClaimTemplates": volumes,
        },
    });
    json!({ "apiVersion": "v1", "kind": "List", "items": [service, set] })
}

async fn ready(pods: &Api<Pod>) -> Result<Vec<Pod>> {
    until("all three servers are ready", 120, async || {
        let found = pods.list(&ListParams::default().labels("app=zoo")).await?;
        let count = found.items.iter().filter(|it| is_ready(it)).count();
        ensure!(count == usize::from(SERVERS), "{count} are");
        Ok(found.items)
    })
    .await
}

/// The variables are in force on the server that this pod should be.
async fn configured(pod: &Pod) -> Result<()> {
    let name = pod.name_any();
    let ip = pod_ip(pod).context("a ready pod has an address")?;
    let url = format!("http://{ip}:8080/commands/configuration");
    let said: Value = http::get_json(&url, Duration::from_secs(5)).await?;
    let number = name.trim_start_matches("zoo-").parse::<u64>()?;
    for (key, expected) in
        [("server_id", json!(number)), ("tick_time", json!(1500)), ("max_client_cnxns", json!(77))]
    {
        ensure!(said[key] == expected, "{name} has {key} {}", said[key]);
    }
    Ok(())
}

pub(super) async fn the_image_takes_zookeepers_variables(ctx: Arc<Ctx>) -> Result<()> {
    let kubectl = &ctx.stage.cluster.kubectl;
    let namespace = ["-n", ctx.namespace.as_str(), "apply", "-f", "-"];
    kubectl.feed(&namespace, &objects(&ctx).to_string()).await?;
    let pods: Api<Pod> = Api::namespaced(ctx.client(), &ctx.namespace);
    for pod in ready(&pods).await? {
        configured(&pod).await?;
    }
    let servers = (1..=SERVERS).map(|n| format!("{}:2181", host(&ctx, n)));
    let servers: Vec<String> = servers.collect();
    let clients = &ctx.stage.clients;
    for connect in servers.iter().chain([&servers.join(",")]) {
        let root = format!("/client-{}", ctx.serial());
        let java = clients.java(connect, &format!("{root}-java")).await;
        java.with_context(|| connect.clone())?;
        let kazoo = clients.kazoo(connect, &format!("{root}-kazoo")).await;
        kazoo.with_context(|| connect.clone())?;
    }
    say("zkCli and kazoo are content with each of the three, and with all");

    clients.zk_cli(&servers[0], "create /before x\nquit\n").await?;
    let old = pods.get("zoo-2").await?.uid();
    pods.delete("zoo-2", &DeleteParams::default()).await?;
    clients.zk_cli(&servers[2], "create /meanwhile x\nquit\n").await?;
    until("the deleted pod is another one, and ready", 120, async || {
        let pod = pods.get("zoo-2").await?;
        ensure!(pod.uid() != old && is_ready(&pod), "it is not");
        Ok(())
    })
    .await?;
    let commands = "sync /\nls /\ncreate /after x\nquit\n";
    let said = clients.zk_cli(&servers[1], commands).await?;
    for expected in ["before", "meanwhile", "Created /after"] {
        ensure!(said.contains(expected), "zkCli says on it:\n{said}");
    }
    let said = clients.zk_cli(&servers[0], "sync /\nls /\nquit\n").await?;
    ensure!(said.contains("after"), "zkCli says on another:\n{said}");
    Ok(())
}
