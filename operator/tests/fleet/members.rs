//! Members of ensembles, as far as an operator sees them: an admin port on an address of loopback
//! each, that answers, hangs, refuses, or says that it does not serve.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How a member behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It answers, and serves.
    Healthy,
    /// It takes connections, and never answers.
    Hung,
    /// Nobody listens.
    Refusing,
    /// It answers that it serves nobody.
    NotReady,
    /// It serves at every other look only.
    Flapping,
}

/// What the members of an ensemble share.
pub(crate) struct Group {
    index: usize,
    namespace: String,
    size: usize,
    ensemble_id: watch::Sender<Option<String>>,
    modes: Vec<watch::Sender<Mode>>,
    looks: AtomicU64,
    connections: AtomicU64,
    /// The ordinal of whoever leads, and how often that has changed.
    leader: AtomicUsize,
    changes: AtomicU64,
    /// Grows with time, as the log of a member does.
    applied: AtomicI64,
}

/// The members of one ensemble; dropped, they end.
pub(crate) struct Members {
    pub group: Arc<Group>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Members {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The address of a member: every one has its own in 127.0.0.0/8, as the port is the same.
pub(crate) fn address(network: u8, ensemble: usize, ordinal: usize) -> String {
    let number = ensemble * 8 + ordinal + 1;
    format!("127.{network}.{}.{}", number >> 8, number & 255)
}

impl Members {
    pub(crate) fn start(network: u8, index: usize, namespace: &str, size: usize) -> Members {
        let group = Arc::new(Group {
            index,
            namespace: namespace.to_owned(),
            size,
            ensemble_id: watch::channel(None).0,
            modes: (0..size).map(|_| watch::channel(Mode::Healthy).0).collect(),
            looks: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            leader: AtomicUsize::new(0),
            changes: AtomicU64::new(0),
            applied: AtomicI64::new(0),
        });
        let run = |ordinal: usize| {
            let address = format!("{}:8080", address(network, index, ordinal));
            tokio::spawn(run(group.clone(), ordinal, address))
        };
        Members { tasks: (0..size).map(run).collect(), group }
    }

    pub(crate) fn set(&self, ordinal: usize, mode: Mode) {
        self.group.modes[ordinal].send_replace(mode);
    }
}

/// Listens, unless its mode says otherwise; connections do not outlive a change of it.
async fn run(group: Arc<Group>, ordinal: usize, address: String) {
    let mut modes = group.modes[ordinal].subscribe();
    loop {
        let mode = *modes.borrow_and_update();
        if mode == Mode::Refusing {
            if modes.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listener = TcpListener::bind(&address).await.expect("an address of loopback");
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                changed = modes.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    group.connections.fetch_add(1, Ordering::Relaxed);
                    while connections.try_join_next().is_some() {}
                    connections.spawn(serve(group.clone(), ordinal, mode, stream));
                },
            }
        }
    }
}

async fn serve(group: Arc<Group>, ordinal: usize, mode: Mode, mut stream: TcpStream) {
    let mut buffer = Vec::new();
    loop {
        let Some((head, body)) = request(&mut stream, &mut buffer).await else { return };
        if mode == Mode::Hung {
            std::future::pending::<()>().await;
        }
        let answer = if head.starts_with("POST /admin/form") {
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            group.ensemble_id.send_replace(said["ensembleId"].as_str().map(str::to_owned));
            json!({})
        } else if head.starts_with("POST /admin/transfer-leader") {
            let said: Value = serde_json::from_slice(&body).unwrap_or_default();
            group.hand_over(said["target"].as_str().unwrap_or_default());
            json!({})
        } else {
            group.looks.fetch_add(1, Ordering::Relaxed);
            group.status(ordinal)
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all(format!("{head}{answer}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The head and the body of the next request.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        let end = buffer.windows(4).position(|it| it == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            let whole = end + 4 + length.unwrap_or(0_usize);
            if buffer.len() >= whole {
                let rest = buffer.split_off(whole);
                let body = std::mem::replace(buffer, rest).split_off(end + 4);
                return Some((head, body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

impl Group {
    /// How often any of them was looked at.
    pub(crate) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// How many connections any of them had.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    fn id(&self, ordinal: usize) -> String {
        format!("{:012x}{ordinal:04x}", self.index + 1)
    }

    fn serves(&self, ordinal: usize) -> bool {
        match *self.modes[ordinal].borrow() {
            Mode::Healthy => true,
            Mode::Flapping => (self.looks.load(Ordering::Relaxed) / 6).is_multiple_of(2),
            Mode::Hung | Mode::Refusing | Mode::NotReady => false,
        }
    }

    fn hand_over(&self, target: &str) {
        if let Some(ordinal) = (0..self.size).find(|it| self.id(*it) == target) {
            self.leader.store(ordinal, Ordering::Relaxed);
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a member says of itself. One leads, as long as it serves.
    fn status(&self, ordinal: usize) -> Value {
        let applied = self.applied.fetch_add(1, Ordering::Relaxed);
        let common = json!({
            "format": 1,
            "version": "0.1.0",
            "serverId": ordinal + 1,
            "memberId": self.id(ordinal),
            "appliedIndex": applied,
            "commitIndex": applied,
        });
        let rest = match self.ensemble_id.borrow().clone() {
            None => json!({ "dataState": "Blank", "role": "Blank", "ready": false }),
            Some(id) => self.member(ordinal, &id),
        };
        let mut all = common;
        for (key, value) in rest.as_object().into_iter().flatten() {
            all[key] = value.clone();
        }
        all
    }

    fn member(&self, ordinal: usize, ensemble_id: &str) -> Value {
        let namespace = &self.namespace;
        let host = |it: usize| format!("zk-{it}.zk-peer.{namespace}.svc");
        let members: Vec<Value> = (0..self.size)
            .map(|it| {
                json!({
                    "memberId": self.id(it), "serverId": it + 1, "role": "Voter",
                    "peer": format!("{}:2888", host(it)), "client": format!("{}:2181", host(it)),
                })
            })
            .collect();
        let leader = self.leader.load(Ordering::Relaxed);
        let others = (0..self.size).filter(|it| *it != leader);
        let peer =
            |it: usize| json!({ "memberId": self.id(it), "connected": self.serves(it), "lag": 0 });
        let peers: Vec<Value> = others.map(peer).collect();
        let (serves, leads) = (self.serves(ordinal), ordinal == leader);
        json!({
            "dataState": "Member",
            "role": match (serves, leads) {
                (true, true) => "Leader",
                (true, false) => "Follower",
                (false, _) => "Candidate",
            },
            "ready": serves,
            "ensembleId": ensemble_id,
            "term": 1 + self.changes.load(Ordering::Relaxed),
            "leaderId": serves.then(|| self.id(leader)),
            "leaderContactMs": serves.then(|| self.applied.load(Ordering::Relaxed) % 100),
            "config": { "version": 1, "joint": false, "pending": false, "members": members },
            "peers": if leads { peers } else { Vec::new() },
        })
    }
}
