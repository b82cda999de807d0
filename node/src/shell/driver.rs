//! The core behind its mutex. Kept dull: an exhaustive match that puts every effect on a queue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, oneshot};
use tokio::time::sleep;

use super::client_queue::ClientQueue;
use super::client_stats::ClientStats;
use super::clock;
use super::disk::writer::{DiskOp, LogQueue};
use super::metrics::Metrics;
use super::peer_link::Links;
use super::peer_queue::PeerQueue;
use crate::core::effect::{Effect, Note};
use crate::core::input::{AdminError, AdminRequest, Input, Snapshot};
use crate::core::message::Hello;
use crate::core::node::{Node, Recovered};
use crate::core::options::Options;
use crate::core::raft::event::LogWrite;
use crate::core::status::{Connection, Status};
use crate::core::types::{CallId, ConnId, Index, LinkId, MemberId, Term};

/// Work that is neither a client's, a peer's nor the log's.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) enum Chore {
    SaveSnapshot(Arc<Snapshot>),
    SendSnapshot { to: MemberId, term: Term, index: Index },
    Wipe,
    Fatal(String),
}

/// The answer to a peer's hello: whether it may talk.
pub(crate) type HelloAnswer = (bool, Hello);

struct Inner {
    node: Node,
    effects: Vec<Effect>,
    clients: HashMap<ConnId, ClientQueue>,
    /// Outbound links that are up.
    peers: HashMap<MemberId, (u64, PeerQueue)>,
    hellos: HashMap<LinkId, oneshot::Sender<HelloAnswer>>,
    calls: HashMap<CallId, oneshot::Sender<Result<Index, AdminError>>>,
    links: Links,
}

/// A running server's core.
pub(crate) struct Driver {
    inner: Mutex<Inner>,
    log: LogQueue,
    chores: UnboundedSender<Chore>,
    numbers: AtomicU64,
    again: Notify,
    /// Counters.
    pub metrics: Metrics,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Driver")
    }
}

impl Driver {
    /// Brings the core to life. Its first effects are dispatched at once.
    pub(crate) fn start(
        options: Options,
        recovered: Recovered,
        boot: u64,
        log: LogQueue,
        chores: UnboundedSender<Chore>,
        metrics: Metrics,
    ) -> Arc<Driver> {
        let driver = Arc::new_cyclic(|weak| {
            let mut effects = Vec::new();
            let node = Node::new(options, recovered, boot, clock::now(), &mut effects);
            let inner = Inner {
                node,
                effects,
                clients: HashMap::new(),
                peers: HashMap::new(),
                hellos: HashMap::new(),
                calls: HashMap::new(),
                links: Links::new(weak.clone()),
            };
            Driver {
                inner: Mutex::new(inner),
                log,
                chores,
                numbers: AtomicU64::new(1),
                again: Notify::new(),
                metrics,
            }
        });
        // Not before the driver is whole: a link that is up so early would take it for gone.
        driver.dispatch(&mut driver.lock());
        driver
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic aborts the process, so a poisoned lock is never seen in a release.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened.
    pub(crate) fn step(&self, input: Input) {
        let mut inner = self.lock();
        self.step_locked(&mut inner, input);
    }

    fn step_locked(&self, inner: &mut Inner, input: Input) {
        let Inner { node, effects, .. } = inner;
        node.step(clock::now(), input, effects);
        self.dispatch(inner);
    }

    fn dispatch(&self, inner: &mut Inner) {
        dispatch(inner, &self.log, &self.chores, &self.metrics, &self.again);
    }

    /// Steps again whenever the core has more to answer than one step may. In between others get
    /// the lock: whoever waits for it takes it while this sleeps.
    pub(crate) async fn go_on(&self) {
        loop {
            self.again.notified().await;
            sleep(Duration::from_millis(1)).await;
            self.step(Input::Again);
        }
    }

    /// A number that this process has not used.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// A client connected; see [`Input::Connected`].
    pub(crate) fn connected(
        &self,
        conn: ConnId,
        (ip, subject): (std::net::IpAddr, Option<String>),
        entropy: [u8; 30],
        queue: ClientQueue,
    ) {
        let mut inner = self.lock();
        inner.clients.insert(conn, queue);
        self.step_locked(&mut inner, Input::Connected { conn, ip, subject, entropy });
    }

    /// A client connection ended.
    pub(crate) fn disconnected(&self, conn: ConnId) {
        let mut inner = self.lock();
        inner.clients.remove(&conn);
        self.step_locked(&mut inner, Input::Disconnected { conn });
    }

    /// A link of ours is usable.
    pub(crate) fn link_up(&self, member: MemberId, link: u64, queue: PeerQueue) {
        let mut inner = self.lock();
        inner.peers.insert(member, (link, queue));
        self.step_locked(&mut inner, Input::LinkUp(member));
    }

    /// It broke, unless another one took its place.
    pub(crate) fn link_down(&self, member: MemberId, link: u64) {
        let mut inner = self.lock();
        if inner.peers.get(&member).is_some_and(|(known, _)| *known == link) {
            inner.peers.remove(&member);
            self.step_locked(&mut inner, Input::LinkDown(member));
        }
    }

    /// Asks the core whether a peer may talk.
    pub(crate) fn hello(&self, hello: Hello) -> oneshot::Receiver<HelloAnswer> {
        let link = LinkId(self.number());
        let (answer, answered) = oneshot::channel();
        let mut inner = self.lock();
        inner.hellos.insert(link, answer);
        self.step_locked(&mut inner, Input::PeerHello { link, hello });
        answered
    }

    /// Makes an admin call.
    pub(crate) fn call(
        &self,
        request: AdminRequest,
    ) -> oneshot::Receiver<Result<Index, AdminError>> {
        let call = CallId(self.number());
        let (answer, answered) = oneshot::channel();
        let mut inner = self.lock();
        inner.calls.retain(|_, answer| !answer.is_closed());
        inner.calls.insert(call, answer);
        self.step_locked(&mut inner, Input::Admin { call, request });
        answered
    }

    /// What the server says about itself.
    pub(crate) fn status(&self) -> Status {
        self.lock().node.status(clock::now())
    }

    /// Looks at the core; what is done there must be short, for everything else waits meanwhile.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Node) -> T) -> T {
        at(&self.lock().node)
    }

    /// A page of client connections with their counters, and where the next page begins.
    pub(crate) fn connections_page(
        &self,
        after: Option<ConnId>,
    ) -> (Vec<(Connection, Arc<ClientStats>)>, Option<ConnId>) {
        let inner = self.lock();
        let page = inner.node.connections_page(after);
        let last = page.last().map(|it| it.conn);
        let stats = |it: Connection| Some((inner.clients.get(&it.conn)?.stats.clone(), it));
        let known = page.into_iter().filter_map(stats);
        (known.map(|(stats, it)| (it, stats)).collect(), last)
    }

    /// Where a member is reached, and who we say we are.
    pub(crate) fn address_of(&self, member: MemberId) -> Option<(String, Hello)> {
        self.lock().links.address_of(member)
    }
}

fn dispatch(
    inner: &mut Inner,
    log: &LogQueue,
    chores: &UnboundedSender<Chore>,
    metrics: &Metrics,
    again: &Notify,
) {
    let mut effects = std::mem::take(&mut inner.effects);
    for effect in effects.drain(..) {
        match effect {
            Effect::Client { conn, frame } => {
                if let Some(client) = inner.clients.get(&conn) {
                    client.send(frame);
                }
            }
            Effect::Mark { conn, sent } => {
                if let Some(client) = inner.clients.get(&conn) {
                    client.mark(sent);
                }
            }
            Effect::Again => again.notify_one(),
            Effect::Close { conn, reason } => {
                metrics.closed(reason);
                if let Some(client) = inner.clients.get(&conn) {
                    client.close();
                }
            }
            Effect::Peer { to, message } => {
                if let Some((_, queue)) = inner.peers.get(&to) {
                    queue.send(message);
                }
            }
            Effect::Links { hello, links } => {
                let members: Vec<_> = links.iter().filter_map(|link| link.member).collect();
                inner.peers.retain(|member, _| members.contains(member));
                inner.links.keep(hello, links);
            }
            Effect::AcceptPeer { link, hello } => answer(&mut inner.hellos, link, (true, hello)),
            Effect::RefusePeer { link, hello } => answer(&mut inner.hellos, link, (false, hello)),
            Effect::Adopt { seq, ensemble } => log.push(DiskOp::Adopt { seq, ensemble }),
            Effect::Write { seq, write } => {
                if let LogWrite::Append(entries) = &write {
                    metrics.counted().appended(entries);
                }
                log.push(DiskOp::Write { seq, write });
            }
            Effect::SaveSnapshot(snapshot) => chore(chores, Chore::SaveSnapshot(snapshot)),
            Effect::SendSnapshot { to, term, index } => {
                chore(chores, Chore::SendSnapshot { to, term, index });
            }
            Effect::AnswerAdmin { call, result } => {
                if let Some(waiting) = inner.calls.remove(&call) {
                    // The caller may have given up.
                    let _ = waiting.send(result);
                }
            }
            Effect::Repaired => log.push(DiskOp::Repaired),
            Effect::Wipe => chore(chores, Chore::Wipe),
            Effect::Fatal(why) => chore(chores, Chore::Fatal(why)),
            Effect::Note(note) => {
                if let Note::Answered(answered) = &note
                    && let Some(client) = inner.clients.get(&answered.conn)
                {
                    client.stats.answered(answered, metrics.uptime_ms());
                }
                metrics.note(&note);
            }
        }
    }
    inner.effects = effects;
}

fn answer(
    hellos: &mut HashMap<LinkId, oneshot::Sender<HelloAnswer>>,
    link: LinkId,
    with: HelloAnswer,
) {
    if let Some(waiting) = hellos.remove(&link) {
        let _ = waiting.send(with);
    }
}

/// The receiver lives as long as the server.
fn chore(chores: &UnboundedSender<Chore>, what: Chore) {
    let _ = chores.send(what);
}
