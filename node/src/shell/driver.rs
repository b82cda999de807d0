//! The core behind its mutex. Kept dull: an exhaustive match that puts every effect on a queue.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::sleep;

use super::clients::queue::ClientQueue;
use super::clients::stats::ClientStats;
use super::clock;
use super::disk::writer::{DiskOp, LogQueue};
use super::metrics::Metrics;
use super::notes::NoteLog;
use super::peers::queue::PeerQueue;
use super::peers::wanted::WantedLinks;
use crate::core::effect::{Answered, Effect, Note};
use crate::core::input::{AdminError, AdminRequest, Input, Snapshot};
use crate::core::message::Hello;
use crate::core::node::{Luck, Node, Recovered};
use crate::core::options::Options;
use crate::core::raft::event::LogWrite;
use crate::core::status::{Connection, Status};
use crate::core::types::{CallId, ConnId, Index, LinkId, MemberId, Micros, Term};

/// Work that is neither a client's, a peer's nor the log's.
#[derive(Debug)]
#[allow(missing_docs)]
pub(crate) enum Chore {
    SaveSnapshot(Arc<Snapshot>),
    SendSnapshot { to: MemberId, term: Term, index: Index },
    Wipe,
    Fatal(String),
}

/// The answer to a peer's hello.
#[derive(Debug)]
pub(crate) struct HelloAnswer {
    /// To be sent.
    pub(crate) hello: Hello,
    /// `None`: it is refused. Otherwise it may be heard once this comes, and never if it is dropped.
    pub(crate) accepted: Option<oneshot::Receiver<()>>,
}

struct Inner {
    node: Node,
    /// When the step began whose effects these are.
    began: Micros,
    effects: Vec<Effect>,
    clients: HashMap<ConnId, ClientQueue>,
    /// Outbound links that are up.
    peers: HashMap<MemberId, (u64, PeerQueue)>,
    hellos: HashMap<LinkId, oneshot::Sender<HelloAnswer>>,
    /// Accepted links that are not heard yet.
    unheard: HashMap<LinkId, oneshot::Sender<()>>,
    calls: HashMap<CallId, oneshot::Sender<Result<Index, AdminError>>>,
    /// Members whose links are to be closed, and are not yet.
    hung_up: HashSet<MemberId>,
    notes: NoteLog,
}

/// A running server's core.
pub(crate) struct Driver {
    inner: Mutex<Inner>,
    queues: Queues,
    numbers: AtomicU64,
    /// Counters.
    pub(crate) metrics: Metrics,
}

/// Where effects go that are neither a client's nor a member's.
struct Queues {
    log: LogQueue,
    chores: UnboundedSender<Chore>,
    links: watch::Sender<WantedLinks>,
    again: Notify,
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
        luck: Luck,
        log: LogQueue,
        chores: UnboundedSender<Chore>,
        metrics: Metrics,
    ) -> Arc<Driver> {
        let mut effects = Vec::new();
        let now = clock::now();
        let node = Node::new(options, recovered, luck, now, &mut effects);
        let inner = Inner {
            node,
            began: now.micros,
            effects,
            clients: HashMap::new(),
            peers: HashMap::new(),
            hellos: HashMap::new(),
            unheard: HashMap::new(),
            calls: HashMap::new(),
            hung_up: HashSet::new(),
            notes: NoteLog::default(),
        };
        let (links, _) = watch::channel(WantedLinks::default());
        let queues = Queues { log, chores, links, again: Notify::new() };
        let numbers = AtomicU64::new(1);
        let driver = Arc::new(Driver { inner: Mutex::new(inner), queues, numbers, metrics });
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

    /// A member said something; gives whether it may go on.
    pub(crate) fn heard(&self, from: MemberId, said: Input) -> bool {
        let mut inner = self.lock();
        self.step_locked(&mut inner, said);
        !inner.hung_up.remove(&from)
    }

    fn step_locked(&self, inner: &mut Inner, input: Input) {
        let now = clock::now();
        inner.began = now.micros;
        inner.node.step(now, input, &mut inner.effects);
        self.dispatch(inner);
    }

    fn dispatch(&self, inner: &mut Inner) {
        let mut effects = std::mem::take(&mut inner.effects);
        for effect in effects.drain(..) {
            self.dispatch_one(inner, effect);
        }
        inner.effects = effects;
    }

    /// Steps again whenever the core has more to answer than one step may. In between others get
    /// the lock: whoever waits for it takes it while this sleeps.
    pub(crate) async fn step_again(&self) {
        loop {
            self.queues.again.notified().await;
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
        ip: IpAddr,
        subject: Option<String>,
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
    /// It answered this for proof.
    pub(crate) fn link_up(&self, member: MemberId, voucher: Bytes, link: u64, queue: PeerQueue) {
        let mut inner = self.lock();
        inner.peers.insert(member, (link, queue));
        self.step_locked(&mut inner, Input::LinkUp { member, voucher });
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
        self.queues.links.borrow().address_of(member)
    }

    /// The links that are wanted, and that others are.
    pub(crate) fn wanted_links(&self) -> watch::Receiver<WantedLinks> {
        self.queues.links.subscribe()
    }

    fn dispatch_one(&self, inner: &mut Inner, effect: Effect) {
        let Queues { log, chores, links, again } = &self.queues;
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
                self.metrics.closed(reason);
                if let Some(client) = inner.clients.get(&conn) {
                    client.close();
                }
            }
            Effect::Peer { to, message } => {
                if let Some((_, queue)) = inner.peers.get(&to) {
                    queue.send(message);
                }
            }
            Effect::Links { hello, links: wanted } => {
                let wanted = WantedLinks::new(hello, wanted);
                inner.peers.retain(|member, _| wanted.has(*member));
                links.send_replace(wanted);
            }
            Effect::AcceptPeer { link, hello } => inner.accept(link, hello),
            Effect::HearPeer { link } => inner.hear(link),
            // Whoever waits for an answer sees that there is none.
            Effect::IgnorePeer { link } => drop(inner.hellos.remove(&link)),
            Effect::RefusePeer { link, hello } => inner.answer_hello(link, hello, None),
            Effect::HangUp { member } => {
                inner.hung_up.insert(member);
            }
            Effect::Adopt { seq, ensemble } => log.push(DiskOp::Adopt { seq, ensemble }),
            Effect::Found { seq, snapshot } => log.push(DiskOp::Found { seq, snapshot }),
            Effect::Write { seq, write } => {
                if let LogWrite::Append(entries) = &write {
                    self.metrics.zookeeper().appended(entries);
                }
                log.push(DiskOp::Write { seq, write });
            }
            Effect::SaveSnapshot(snapshot) => assign(chores, Chore::SaveSnapshot(snapshot)),
            Effect::SendSnapshot { to, term, index } => {
                assign(chores, Chore::SendSnapshot { to, term, index });
            }
            Effect::AnswerAdmin { call, result } => {
                if let Some(waiting) = inner.calls.remove(&call) {
                    // The caller may have given up.
                    let _ = waiting.send(result);
                }
            }
            Effect::Repaired => log.push(DiskOp::Repaired),
            Effect::Version(version) => log.push(DiskOp::Version(version)),
            Effect::Wipe => assign(chores, Chore::Wipe),
            Effect::Fatal(why) => assign(chores, Chore::Fatal(why)),
            Effect::Note(note) => {
                if let Note::Answered(answered) = &note {
                    self.answered(inner, answered);
                }
                self.metrics.note(&note);
                inner.notes.write(&note);
            }
        }
    }

    /// One look at the clock says how long it took, and when it was.
    fn answered(&self, inner: &Inner, answered: &Answered) {
        let now = clock::uptime();
        let took = Duration::from_micros(answered.waited + now.since(inner.began));
        if let Some(client) = inner.clients.get(&answered.conn) {
            client.stats.record(answered, took, now.0 / 1_000);
        }
        self.metrics.answered(answered, took);
    }
}

impl Inner {
    fn accept(&mut self, link: LinkId, hello: Hello) {
        let (hear, heard) = oneshot::channel();
        self.unheard.retain(|_, hear| !hear.is_closed());
        self.unheard.insert(link, hear);
        self.answer_hello(link, hello, Some(heard));
    }

    fn hear(&mut self, link: LinkId) {
        if let Some(hear) = self.unheard.remove(&link) {
            // It may have gone.
            let _ = hear.send(());
        }
    }

    fn answer_hello(
        &mut self,
        link: LinkId,
        hello: Hello,
        accepted: Option<oneshot::Receiver<()>>,
    ) {
        if let Some(waiting) = self.hellos.remove(&link) {
            let _ = waiting.send(HelloAnswer { hello, accepted });
        }
    }
}

/// The receiver lives as long as the server.
fn assign(chores: &UnboundedSender<Chore>, chore: Chore) {
    let _ = chores.send(chore);
}
