//! Plays a history on a server and writes down what each client saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::join_all;
use quorate_zk::{self as zk, Jute, raw};

use super::answer::{self, Asked};
use super::changing::Changing;
use super::history::{
    Action, Field, Handshake, History, Moment, Password, Request, Session, Step, StepId,
};
use super::line::{Line, Token};
use super::ops;
use super::places;
use super::sasl::{Answer, Exchange};
use super::wire::{self, Incoming, Known, Wire};

/// The xid of the barrier's own requests.
const BARRIER: i32 = 0x7FFF_0000;
/// How often a member may be behind what its client has seen, and how long it is then waited.
const BEHIND: (usize, Duration) = (200, Duration::from_millis(20));
/// How often it is looked whether a session has ended, and how long it is waited in between.
const EXPIRY: (usize, Duration) = (200, Duration::from_millis(300));

/// A server, or the members of an ensemble.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) addresses: Vec<SocketAddr>,
    /// If histories change its membership.
    pub(super) changing: Option<Arc<Changing>>,
}

/// What the clients saw in each step.
#[derive(Clone, Debug, Default)]
pub(super) struct Transcript {
    pub(super) steps: Vec<BTreeMap<usize, Vec<Line>>>,
}

struct Client {
    wire: Wire,
    xid: i32,
    sasl: Exchange,
}

/// What a client's requests stand for.
struct At<'a> {
    player: &'a Player<'a>,
    sasl: &'a Exchange,
}

impl Known for At<'_> {
    fn named(&self, text: &[u8]) -> Vec<u8> {
        self.player.named(text)
    }

    fn zxid(&self, moment: Moment) -> i64 {
        self.player.zxid(moment)
    }

    fn answer(&self, answer: &Answer) -> Vec<u8> {
        self.sasl.answer(answer)
    }
}

struct Player<'a> {
    target: &'a Target,
    root: &'a str,
    seed: u64,
    /// This id and the next are of no session, and in no other history.
    nobodys: i64,
    clients: BTreeMap<usize, Client>,
    sessions: BTreeMap<StepId, (i64, Vec<u8>)>,
    moments: BTreeMap<StepId, i64>,
    highest: i64,
    /// The version of the configuration.
    configured: i64,
    seen: BTreeMap<usize, Vec<Line>>,
}

/// Plays a history below a znode of its own.
///
/// # Errors
/// If the server cannot be reached, or contradicts the protocol so that nothing can be compared.
pub(super) async fn play(target: &Target, history: &History, number: u32) -> Result<Transcript> {
    let root = format!("/h{number}");
    let configured = match &target.changing {
        Some(changing) => changing.restore().await?,
        None => 0,
    };
    let mut player = Player {
        target,
        root: &root,
        seed: history.seed,
        nobodys: (0x77 << 56) + 2 * i64::from(number),
        clients: BTreeMap::new(),
        sessions: BTreeMap::new(),
        moments: BTreeMap::new(),
        highest: 0,
        configured,
        seen: BTreeMap::new(),
    };
    let mut transcript = Transcript::default();
    for step in &history.steps {
        player.step(step).await?;
        player.settle(step).await?;
        player.barrier().await;
        let seen = std::mem::take(&mut player.seen);
        for token in seen.values().flatten().flat_map(|line| &line.tokens) {
            if let Token::Zxid(zxid) = token {
                player.highest = player.highest.max(*zxid);
            }
        }
        player.moments.insert(step.id, player.highest);
        transcript.steps.push(seen);
    }
    player.leave().await;
    Ok(transcript)
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> Result<()> {
        match &step.action {
            Action::Connect(handshake) => self.connect(step.id, step.client, handshake).await,
            Action::Send(requests) => {
                self.send(step.client, requests).await;
                Ok(())
            }
            Action::Cut => {
                self.clients.remove(&step.client);
                Ok(())
            }
            Action::Raw { bytes, cut } => {
                if let Some(client) = self.clients.get_mut(&step.client) {
                    client.wire.say(bytes).await;
                }
                if *cut {
                    self.clients.remove(&step.client);
                }
                Ok(())
            }
            Action::Stranger(bytes) => {
                let mut wire = Wire::open(self.address(step.id, step.client)?).await?;
                wire.say(bytes).await;
                let heard = wire.rest().await.map_or("silence".to_owned(), |it| {
                    format!("a stranger hears \"{}\" and the end", it.escape_ascii())
                });
                self.note(step.client, Line::end(&heard));
                Ok(())
            }
            Action::Expire { witness, path } => {
                self.clients.remove(&step.client);
                self.wait_for_the_end(*witness, path).await
            }
        }
    }

    /// After a change of the membership.
    async fn settle(&self, step: &Step) -> Result<()> {
        let Action::Send(requests) = &step.action else {
            return Ok(());
        };
        match &self.target.changing {
            Some(changing) if requests.iter().any(|it| it.op == ops::RECONFIG) => {
                changing.settle().await
            }
            _ => Ok(()),
        }
    }

    fn zxid(&self, moment: Moment) -> i64 {
        match moment {
            Moment::Zero => 0,
            Moment::After(step) => self.moments.get(&step).copied().unwrap_or_default(),
            Moment::Never => i64::MAX,
            Moment::Configured => self.configured,
        }
    }

    fn note(&mut self, client: usize, mut line: Line) {
        if let Some(changing) = &self.target.changing {
            line = changing.places.nameless(line);
            self.configured = places::version(&line).unwrap_or(self.configured);
        }
        self.seen.entry(client).or_default().push(line);
    }

    async fn connect(&mut self, id: StepId, client: usize, handshake: &Handshake) -> Result<()> {
        let known = match handshake.session {
            Session::New => None,
            Session::Of(step) => match self.sessions.get(&step) {
                Some(known) => Some(known.clone()),
                // Its step was taken out, or refused.
                None => Some((self.nobodys + 1, vec![1; 16])),
            },
            Session::Unknown => Some((self.nobodys, vec![1; 16])),
        };
        let frame = self.handshake(handshake, known.as_ref());
        let address = match handshake.member {
            Some(number) => self.target.addresses.get(usize::from(number) - 1).copied(),
            None => None,
        };
        let address = address.map_or_else(|| self.address(id, client), Ok)?;
        // A member that is behind its client tells it to try again elsewhere or later.
        let retries = match handshake.last_seen {
            Moment::After(_) if self.target.addresses.len() > 1 => BEHIND.0,
            _ => 0,
        };
        for attempt in 0..=retries {
            let mut wire = Wire::open(address).await?;
            wire.send(std::slice::from_ref(&frame)).await;
            match wire.receive().await {
                Incoming::Frame(frame) => {
                    let password = known.as_ref().map(|it| it.1.as_slice());
                    let welcome = answer::welcome(&frame, password)?;
                    self.note(client, welcome.line);
                    self.clients.remove(&client);
                    if welcome.session == 0 {
                        self.read_end(client, wire).await;
                        return Ok(());
                    }
                    self.sessions.insert(id, (welcome.session, welcome.password));
                    let new = Client { wire, xid: 0, sasl: Exchange::default() };
                    self.clients.insert(client, new);
                    return Ok(());
                }
                Incoming::Closed if attempt < retries => tokio::time::sleep(BEHIND.1).await,
                Incoming::Closed => self.note(client, Line::end("closed")),
                Incoming::Silence => self.note(client, Line::end("silence")),
            }
        }
        Ok(())
    }

    /// Where a client connects to in a step: here and there.
    fn address(&self, id: StepId, client: usize) -> Result<SocketAddr> {
        let at = usize::try_from(self.seed)? + client + usize::try_from(id)? / 3;
        let address = self.target.addresses.get(at % self.target.addresses.len());
        address.copied().context("a target has an address")
    }

    /// Looks now and then until a znode is gone. The looks keep the other sessions alive.
    async fn wait_for_the_end(&mut self, witness: usize, path: &[u8]) -> Result<()> {
        let path = wire::rooted(path, self.root);
        for _ in 0..EXPIRY.0 {
            self.barrier().await;
            let Some(mut client) = self.clients.remove(&witness) else {
                return Ok(());
            };
            let mut frame = Vec::new();
            raw(&mut frame, BARRIER, ops::EXISTS, |body| {
                body.buffer(Some(&path));
                body.bool(false);
            });
            client.wire.say(&frame).await;
            let is_there = loop {
                match client.wire.receive().await {
                    Incoming::Frame(frame) if answer::is_event(&frame) => {
                        self.note(witness, answer::event(&frame));
                    }
                    Incoming::Frame(frame) => break answer::succeeded(&frame),
                    Incoming::Closed | Incoming::Silence => {
                        self.note(witness, Line::end("closed"));
                        return Ok(());
                    }
                }
            };
            self.clients.insert(witness, client);
            if !is_there {
                return Ok(());
            }
            tokio::time::sleep(EXPIRY.1).await;
        }
        bail!("a session that nobody is heard of does not end");
    }

    fn handshake(&self, handshake: &Handshake, known: Option<&(i64, Vec<u8>)>) -> Vec<u8> {
        let (session, password) = known.cloned().unwrap_or_else(|| (0, vec![0; 16]));
        let password = match handshake.password {
            Password::Right => Some(password.as_slice()),
            Password::Wrong => Some([9; 16].as_slice()),
            Password::Null => None,
            Password::Short => password.get(..3),
        };
        let mut out = Vec::new();
        let handshake = zk::Handshake {
            last_zxid: self.zxid(handshake.last_seen),
            timeout_ms: handshake.timeout_ms,
            session,
            password,
            read_only: handshake.read_only,
        };
        handshake.encode(&mut out);
        out
    }

    /// After an answer that ends a connection.
    async fn read_end(&mut self, client: usize, mut wire: Wire) {
        let line = loop {
            match wire.receive().await {
                Incoming::Frame(frame) if answer::is_event(&frame) => {
                    self.note(client, answer::event(&frame));
                }
                Incoming::Frame(frame) => {
                    break Line::end(&format!("one more frame: {}", frame.escape_ascii()));
                }
                Incoming::Closed => break Line::end("closed"),
                Incoming::Silence => break Line::end("silence"),
            }
        };
        self.note(client, line);
    }

    async fn send(&mut self, at: usize, requests: &[Request]) {
        let Some(mut client) = self.clients.remove(&at) else {
            return;
        };
        let mut frames = Vec::new();
        let mut asked = Vec::new();
        for request in requests {
            let xid = request.xid.unwrap_or_else(|| {
                client.xid += 1;
                client.xid
            });
            let known = At { player: self, sasl: &client.sasl };
            frames.push(wire::request(request, xid, &known));
            let config = self.target.changing.is_some() && is_of_config(request);
            asked.push(Asked {
                op: request.op,
                shared: is_shared(request) && !config,
                config,
                proof: match request.fields.first() {
                    Some(Field::Answer(answer)) => Some(client.sasl.proof(answer)),
                    _ => None,
                },
            });
        }
        client.wire.send(&frames).await;
        let mut last = false;
        for asked in &asked {
            loop {
                match client.wire.receive().await {
                    Incoming::Frame(frame) if answer::is_event(&frame) => {
                        self.note(at, answer::event(&frame));
                    }
                    Incoming::Frame(frame) => {
                        let line = answer::reply(&frame, asked);
                        client.sasl.hear(&line);
                        last |= answer::is_last(&line);
                        self.note(at, line);
                        break;
                    }
                    Incoming::Closed => return self.note(at, Line::end("closed")),
                    Incoming::Silence => return self.note(at, Line::end("silence")),
                }
            }
        }
        // ZooKeeper may read on before it closes: nothing more is said, which it could answer.
        if last {
            return self.read_end(at, client.wire).await;
        }
        self.clients.insert(at, client);
    }

    fn named(&self, text: &[u8]) -> Vec<u8> {
        let rooted = wire::rooted(text, self.root);
        match &self.target.changing {
            Some(changing) => changing.places.named(&rooted),
            None => rooted,
        }
    }

    /// Every client hears all that has happened so far: its sync is answered behind it. What else
    /// a client hears meanwhile is part of the step.
    async fn barrier(&mut self) {
        let clients = std::mem::take(&mut self.clients);
        let heard = join_all(clients.into_iter().map(async |(at, client)| {
            let (client, lines) = sync(client).await;
            (at, client, lines)
        }));
        for (at, client, lines) in heard.await {
            for line in lines {
                self.note(at, line);
            }
            if let Some(client) = client {
                self.clients.insert(at, client);
            }
        }
    }

    /// Closes what is left, so that sessions do not pile up.
    async fn leave(&mut self) {
        for client in self.clients.values_mut() {
            let mut frame = Vec::new();
            zk::Request::Close.encode(1, &mut frame);
            client.wire.say(&frame).await;
        }
        let clients = std::mem::take(&mut self.clients);
        join_all(
            clients.into_values().map(async |mut client| {
                while let Incoming::Frame(_) = client.wire.receive().await {}
            }),
        )
        .await;
    }
}

async fn sync(mut client: Client) -> (Option<Client>, Vec<Line>) {
    let mut frame = Vec::new();
    zk::Request::Sync { path: "/" }.encode(BARRIER, &mut frame);
    client.wire.say(&frame).await;
    let mut lines = Vec::new();
    loop {
        match client.wire.receive().await {
            Incoming::Frame(frame) if answer::is_event(&frame) => lines.push(answer::event(&frame)),
            Incoming::Frame(frame) if answer::number(&frame) == Some(BARRIER) => {
                return (Some(client), lines);
            }
            Incoming::Frame(frame) => {
                lines.push(Line::end(&format!("unasked: {}", frame.escape_ascii())))
            }
            Incoming::Closed => {
                lines.push(Line::end("closed"));
                return (None, lines);
            }
            Incoming::Silence => {
                lines.push(Line::end("silence"));
                return (None, lines);
            }
        }
    }
}

/// Whether the first path of a request lies outside of the history's own.
fn is_shared(request: &Request) -> bool {
    match request.fields.first() {
        Some(Field::Text(Some(path))) => {
            request.op != ops::GET_EPHEMERALS && (path.is_empty() || path.starts_with(b"/"))
        }
        // The length of an empty path.
        Some(Field::Bytes(bytes)) => bytes.starts_with(&[0; 4]),
        _ => false,
    }
}

/// Whether a request is about the configuration.
fn is_of_config(request: &Request) -> bool {
    let config = |field: &Field| matches!(field, Field::Text(Some(path)) if path == answer::CONFIG);
    request.op == ops::RECONFIG || request.fields.first().is_some_and(config)
}
