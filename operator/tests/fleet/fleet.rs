//! Ensembles by the dozen: made, made sick, changed, and watched while an operator looks after them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::members::{self, Members, Mode};
use crate::objects::{Id, If};
use crate::program::Operator;
use crate::server::Server;

/// The image of members that name none.
pub(crate) const IMAGE: &str = "quorate:1";
/// Members of each ensemble.
const SIZE: usize = 3;
/// Longer than anything takes: whoever waits for so long waits in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The ways of being sick and standing still, in turn.
pub(crate) const STILL: [Mode; 3] = [Mode::Hung, Mode::Refusing, Mode::NotReady];
/// All ways of being sick.
pub(crate) const SICK: [Mode; 4] = [Mode::Hung, Mode::Refusing, Mode::NotReady, Mode::Flapping];

/// The fleet and its operator.
pub(crate) struct Fleet {
    pub server: Server,
    pub operator: Operator,
    pub members: Vec<Members>,
}

/// The namespace of an ensemble; each is alone in its own.
pub(crate) fn namespace(index: usize) -> String {
    format!("n{index}")
}

impl Fleet {
    /// Makes so many ensembles, and an operator that looks after them.
    pub(crate) async fn start(size: usize) -> Fleet {
        Fleet::start_with(size, |_| {}).await
    }

    /// The same, on a server that is prepared for it.
    pub(crate) async fn start_with(size: usize, prepare: impl FnOnce(&Server)) -> Fleet {
        // Tests beside this one have other addresses.
        static NETWORKS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = std::process::id() * 7 + NETWORKS.fetch_add(1, Ordering::Relaxed);
        let network = u8::try_from(number % 200 + 20).expect("below 256");
        let server = Server::start(move |namespace, ordinal| {
            let index: usize = namespace.strip_prefix('n')?.parse().ok()?;
            Some(members::address(network, index, usize::try_from(ordinal).ok()?))
        })
        .await;
        prepare(&server);
        let start = |index| Members::start(network, index, &namespace(index), SIZE);
        let members: Vec<Members> = (0..size).map(start).collect();
        for index in 0..size {
            add(&server, index, json!({ "replicas": SIZE }));
        }
        let operator = Operator::start(&server.url, IMAGE).await;
        Fleet { server, operator, members }
    }

    /// Another operator takes the place of the one before.
    pub(crate) async fn restart(&mut self) {
        self.upgrade(IMAGE).await;
    }

    /// The same, and it brings another image for members.
    pub(crate) async fn upgrade(&mut self, image: &str) {
        self.operator.end();
        self.operator = Operator::start(&self.server.url, image).await;
    }

    /// The images of an ensemble's template, and of its pods.
    pub(crate) fn images(&self, index: usize) -> (String, Vec<String>) {
        let image =
            |it: &Value| it["containers"][0]["image"].as_str().unwrap_or_default().to_owned();
        let get = |plural, name: &str| self.server.api.get(plural, &namespace(index), name);
        let set = get("statefulsets", "zk").unwrap_or_default();
        let pod = |ordinal: usize| get("pods", &format!("zk-{ordinal}"));
        let pods = (0..SIZE).filter_map(pod).map(|it| image(&it["spec"])).collect();
        (image(&set["spec"]["template"]["spec"]), pods)
    }

    /// Waits until the operator's metrics have this line.
    pub(crate) async fn until_metrics(&self, line: &str) -> bool {
        let looks = async {
            while !self.operator.ask("/metrics").await.1.contains(line) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, looks).await.is_ok()
    }

    /// Waits until this was asked for so often in a namespace, from now on.
    pub(crate) async fn until_asked(&self, namespace: &str, what: &str, times: usize) -> bool {
        let mut count = 0;
        let looks = async {
            while count < times {
                let asked = self.server.api.take_asked().remove(namespace).unwrap_or_default();
                count += asked.iter().filter(|it| *it == what).count();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, looks).await.is_ok()
    }

    /// Deletes an ensemble; what belongs to it stays for a while.
    pub(crate) fn delete(&self, index: usize) {
        let id = Id::new("coordinationensembles", &namespace(index), "zk");
        self.server.api.change(|objects| objects.delete(&id, &If::default())).expect("it is there");
    }

    /// Somebody deletes what is called like an ensemble.
    pub(crate) fn remove(&self, index: usize, plural: &str) {
        let id = Id::new(plural, &namespace(index), "zk");
        self.server.api.change(|objects| objects.delete(&id, &If::default())).expect("it is there");
    }

    /// Somebody else has a Service of the ensemble's name, without any label of ours.
    pub(crate) fn occupy(&self, index: usize) {
        let service = json!({ "apiVersion": "v1", "kind": "Service", "spec": {} });
        let id = Id::new("services", &namespace(index), "zk");
        self.server.api.change(|objects| objects.create(&id, service)).expect("a new one");
    }

    /// That Service goes.
    pub(crate) fn vacate(&self, index: usize) {
        let id = Id::new("services", &namespace(index), "zk");
        self.server.api.change(|objects| objects.delete(&id, &If::default())).expect("it is there");
    }

    /// Deletes everything in the namespace of an ensemble.
    pub(crate) fn clear(&self, index: usize) {
        self.server.api.change(|objects| objects.clear(&namespace(index)));
    }

    fn status(&self, index: usize) -> Value {
        let found = self.server.api.get("coordinationensembles", &namespace(index), "zk");
        found.map(|it| it["status"].clone()).unwrap_or_default()
    }

    /// What a condition of an ensemble says.
    pub(crate) fn condition(&self, index: usize, kind: &str) -> Option<String> {
        let status = self.status(index);
        let found = status["conditions"].as_array()?.iter().find(|it| it["type"] == kind)?;
        found["status"].as_str().map(str::to_owned)
    }

    /// What a condition of an ensemble says in words.
    pub(crate) fn message(&self, index: usize, kind: &str) -> Option<String> {
        let status = self.status(index);
        let found = status["conditions"].as_array()?.iter().find(|it| it["type"] == kind)?;
        found["message"].as_str().map(str::to_owned)
    }

    pub(crate) fn ready(&self, index: usize) -> bool {
        self.condition(index, "Ready").as_deref() == Some("True")
    }

    /// Waits until all of these are so; those that are not after so long.
    pub(crate) async fn until(
        &self,
        patience: Duration,
        all: impl IntoIterator<Item = usize>,
        so: impl Fn(&Fleet, usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut left: BTreeSet<usize> = all.into_iter().collect();
        let mut newest = self.server.api.newest();
        let waited = timeout(patience, async {
            loop {
                newest.borrow_and_update();
                left.retain(|index| !so(self, *index));
                if left.is_empty() || newest.changed().await.is_err() {
                    return;
                }
            }
        });
        // What is left says it.
        let _ = waited.await;
        left
    }

    /// Makes these sick, one member of each, or each in another way.
    pub(crate) fn sicken(&self, all: impl IntoIterator<Item = usize>, modes: &[Mode]) {
        for index in all {
            let mode = modes[index % modes.len()];
            self.members[index].set(SIZE - 1, mode);
            if mode == Mode::NotReady {
                self.unready(index);
            }
        }
    }

    /// Something of a pod changes, and nothing that matters.
    pub(crate) fn touch(&self, index: usize, text: &str) {
        let id = Id::new("pods", &namespace(index), "zk-0");
        let patch = json!({ "metadata": { "annotations": { "touched": text } } });
        self.server.api.change(|objects| objects.patch(&id, &patch)).expect("it is there");
    }

    /// The kubelet says that the last member is not ready.
    fn unready(&self, index: usize) {
        let id = Id::new("pods", &namespace(index), &format!("zk-{}", SIZE - 1));
        self.server.api.change(|objects| {
            let mut pod = (*objects.get(&id).expect("a pod")).clone();
            pod["status"]["conditions"][1]["status"] = json!("False");
            objects.change(&id, &If::default(), pod).expect("it is there");
        });
    }

    /// Changes the spec of an ensemble; its new generation.
    pub(crate) fn edit(&self, index: usize, spec: Value) -> i64 {
        let id = Id::new("coordinationensembles", &namespace(index), "zk");
        let patch = json!({ "spec": spec });
        let changed = self.server.api.change(|objects| objects.patch(&id, &patch));
        changed.expect("it is there")["metadata"]["generation"].as_i64().expect("a number")
    }

    /// Whether what the operator reports is of this generation.
    pub(crate) fn reported(&self, index: usize, generation: i64) -> bool {
        self.status(index)["observedGeneration"] == generation
    }
}

/// Adds the ensemble of a number, or something that should be one.
pub(crate) fn add(server: &Server, index: usize, spec: Value) {
    let id = Id::new("coordinationensembles", &namespace(index), "zk");
    let ensemble = json!({
        "apiVersion": "quorate.dev/v1alpha1",
        "kind": "CoordinationEnsemble",
        "spec": spec,
    });
    server.api.change(|objects| objects.create(&id, ensemble)).expect("a new one");
}
