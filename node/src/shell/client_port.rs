//! Clients: one reader and one writer task for each connection.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::client_stats::ClientStats;
use super::driver::Driver;
use super::tls::Tls;
use super::{disk, sockets, words};
use crate::codec::{client, client_reply, four_letter};
use crate::core::input::Input;
use crate::core::op::{Body, ServerFrame};
use crate::core::types::{ConnId, SessionId};

/// Time for a handshake, and for a frame to become complete.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time without an acknowledgement after which a client is taken for gone.
const GONE: Duration = Duration::from_secs(30);
/// Bytes that may wait to be written to a client that does not read.
const QUEUED_MAX: usize = 256 << 20;
/// Requests in progress beyond which no more are read.
const READ_AHEAD: usize = 2_000;
/// Bytes read at once.
const READ: usize = 64 << 10;

/// Limits of the port.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest frame (`jute.maxbuffer`).
    pub frame: usize,
    /// All connections together; 0: any number.
    pub connections: usize,
    /// Connections of one address; 0: any number.
    pub per_address: usize,
    /// Four-letter words that are answered.
    pub words: Vec<String>,
}

enum Outgoing {
    Frame(ServerFrame),
    Close,
}

/// Where frames for a client go; never blocks.
#[derive(Clone)]
pub struct ClientQueue {
    queue: UnboundedSender<Outgoing>,
    /// Its counters.
    pub stats: Arc<ClientStats>,
}

impl std::fmt::Debug for ClientQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientQueue({})", self.stats.address)
    }
}

impl ClientQueue {
    /// Queues a frame. A client that does not read its answers is let go.
    pub fn send(&self, frame: ServerFrame) {
        let queued = self
            .stats
            .queued
            .fetch_add(weight(&frame), Ordering::Relaxed);
        if queued > QUEUED_MAX {
            if !self.stats.overrun.swap(true, Ordering::Relaxed) {
                self.close();
            }
            return;
        }
        let _ = self.queue.send(Outgoing::Frame(frame));
    }

    /// Closes the connection once what was queued before is written.
    pub fn close(&self) {
        let _ = self.queue.send(Outgoing::Close);
    }
}

fn weight(frame: &ServerFrame) -> usize {
    let list = |names: &[String]| names.iter().map(|name| name.len() + 8).sum::<usize>();
    match frame {
        ServerFrame::Reply(reply) => match &reply.body {
            Body::Data { data, .. } => 128 + data.as_ref().map_or(0, |data| data.len()),
            Body::Children(names) | Body::Paths(names) => 64 + list(names),
            Body::ChildrenStat { children, .. } => 128 + list(children),
            _ => 128,
        },
        ServerFrame::Event(event) => 64 + event.path.len(),
        ServerFrame::Connect(_) => 64,
    }
}

/// Who is connected, per address.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Serves clients until the listener is dropped; all of them with TLS, or none.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    driver: Arc<Driver>,
    limits: Limits,
) {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let limits = Arc::new(limits);
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: it passes when connections end.
                tracing::warn!(%error, "accept a client");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(seat) = Seat::take(&counts, address.ip(), &limits) else {
            driver.metrics.refused_connection();
            continue;
        };
        let (driver, limits, tls) = (Arc::clone(&driver), Arc::clone(&limits), tls.clone());
        tokio::spawn(async move {
            sockets::tune(&stream, GONE);
            let tls = tls.as_deref();
            one_connection(stream, tls, address, &driver, &limits).await;
            drop(seat);
        });
    }
}

/// A connection's place among the allowed number; given back when dropped.
struct Seat {
    counts: Arc<Mutex<Counts>>,
    ip: IpAddr,
}

impl Seat {
    fn take(counts: &Arc<Mutex<Counts>>, ip: IpAddr, limits: &Limits) -> Option<Seat> {
        let mut held = counts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by_address.get(&ip).copied().unwrap_or(0);
        let full = limits.connections > 0 && held.all >= limits.connections;
        if full || (limits.per_address > 0 && own >= limits.per_address) {
            return None;
        }
        held.all += 1;
        held.by_address.insert(ip, own + 1);
        Some(Seat {
            counts: Arc::clone(counts),
            ip,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        held.all -= 1;
        if let Some(own) = held.by_address.get_mut(&self.ip) {
            *own -= 1;
            if *own == 0 {
                held.by_address.remove(&self.ip);
            }
        }
    }
}

async fn one_connection(
    stream: TcpStream,
    tls: Option<&Tls>,
    address: SocketAddr,
    driver: &Driver,
    limits: &Limits,
) {
    let Some(tls) = tls else {
        let (read, write) = stream.into_split();
        return one_client(read, write, (address, None, false), driver, limits).await;
    };
    if let Some((stream, subject)) = tls.accept(stream, address, &driver.metrics).await {
        let (read, write) = tokio::io::split(stream);
        one_client(read, write, (address, subject, true), driver, limits).await;
    }
}

/// `subject` is of the client's certificate; `secure` whether it came by the secure port.
async fn one_client(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    (address, subject, secure): (SocketAddr, Option<String>, bool),
    driver: &Driver,
    limits: &Limits,
) {
    let mut buffer = BytesMut::with_capacity(READ);
    let first = match timeout(PATIENCE, first_frame(&mut read, &mut buffer, limits)).await {
        Ok(Some(first)) => first,
        Ok(None) => return,
        Err(_) => {
            driver
                .metrics
                .counted()
                .sessionless_connections_expired
                .add(1);
            return;
        }
    };
    let first = match first {
        First::Word(word) => {
            if limits.words.iter().any(|it| it == word) {
                let argument = words::argument(word, &mut read, &mut buffer).await;
                // A tool that has gone does not need an answer.
                let _ = words::answer(word, argument, driver, &mut write).await;
            } else {
                let refusal = four_letter::refusal(word);
                let _ = timeout(PATIENCE, write.write_all(refusal.as_bytes())).await;
            }
            let _ = timeout(PATIENCE, write.shutdown()).await;
            return;
        }
        First::Frame(frame) => frame,
    };
    let (Ok(request), Ok(entropy), Ok(challenge)) = (
        client::connect_request(first),
        disk::files::entropy(),
        disk::files::entropy(),
    ) else {
        return;
    };
    let (sender, receiver) = unbounded_channel();
    let stats = Arc::new(ClientStats::new(address, secure));
    let counted = driver.metrics.counted();
    counted.connection_request_count.add(1);
    if request.session != SessionId(0) {
        counted.connection_revalidate_count.add(1);
    }
    let queue = ClientQueue {
        queue: sender,
        stats: Arc::clone(&stats),
    };
    let conn = ConnId(driver.number());
    driver.connected(conn, (address.ip(), subject), challenge, queue);
    driver.step(Input::Connect {
        conn,
        request,
        entropy,
    });
    tokio::select! {
        () = read_requests(conn, read, buffer, driver, &stats, limits) => {}
        () = write_frames(write, receiver, &stats, driver) => {}
    }
    driver.disconnected(conn);
}

enum First {
    Word(&'static str),
    Frame(Bytes),
}

async fn first_frame(
    read: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    limits: &Limits,
) -> Option<First> {
    loop {
        if let Some(head) = buffer.first_chunk::<4>()
            && let Some(word) = four_letter::word(*head)
        {
            return Some(First::Word(word));
        }
        if let Some(frame) = next_frame(buffer, limits.frame).ok()? {
            return Some(First::Frame(frame));
        }
        if read.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// Cuts the next whole frame off. `Err`: its length is out of bounds.
fn next_frame(buffer: &mut BytesMut, most: usize) -> Result<Option<Bytes>, ()> {
    let Some(head) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(i32::from_be_bytes(*head)).map_err(|_| ())?;
    if length > most {
        return Err(());
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Reads until the client is gone or breaks the rules of framing.
async fn read_requests(
    conn: ConnId,
    mut read: impl AsyncRead + Unpin,
    mut buffer: BytesMut,
    driver: &Driver,
    stats: &ClientStats,
    limits: &Limits,
) {
    loop {
        let (mut inputs, mut bytes) = (Vec::new(), 0);
        loop {
            match next_frame(&mut buffer, limits.frame) {
                Ok(Some(frame)) => match client::request(frame) {
                    Ok(request) => {
                        bytes += request.size as u64;
                        inputs.push(Input::Request { conn, request });
                    }
                    Err(_) => return,
                },
                Ok(None) => break,
                Err(()) => return,
            }
        }
        if !inputs.is_empty() {
            let count = inputs.len();
            stats.received(count as u64);
            stats.outstanding.fetch_add(count, Ordering::Relaxed);
            driver.metrics.received(count as u64, bytes);
            driver.step(Input::Batch(inputs));
        }
        while stats.outstanding.load(Ordering::Relaxed) > READ_AHEAD {
            stats.room.notified().await;
        }
        buffer.reserve(READ);
        // Half a frame must become a whole one in time; between frames a client may be silent.
        let more = if buffer.is_empty() {
            read.read_buf(&mut buffer).await
        } else {
            match timeout(PATIENCE, read.read_buf(&mut buffer)).await {
                Ok(more) => more,
                Err(_) => return,
            }
        };
        if !matches!(more, Ok(1..)) {
            return;
        }
    }
}

/// Writes whatever is queued, many frames in one write, until told to close.
async fn write_frames(
    mut write: impl AsyncWrite + Unpin,
    mut queue: UnboundedReceiver<Outgoing>,
    stats: &ClientStats,
    driver: &Driver,
) {
    const MANY: usize = 512;
    let mut ready = Vec::with_capacity(MANY);
    let mut out = BytesMut::new();
    while queue.recv_many(&mut ready, MANY).await > 0 {
        let (mut weighed, mut replies, mut sent, mut close) = (0, 0, 0, false);
        for outgoing in ready.drain(..) {
            match outgoing {
                Outgoing::Frame(frame) => {
                    weighed += weight(&frame);
                    sent += 1;
                    let (reply, before) = (matches!(frame, ServerFrame::Reply(_)), out.len());
                    out = client_reply::server_frame(&frame, out);
                    if reply {
                        replies += 1;
                        let bytes = out.len() - before;
                        driver.metrics.counted().client_response_size.observe(bytes);
                    }
                }
                Outgoing::Close => {
                    close = true;
                    break;
                }
            }
        }
        let bytes = out.len() as u64;
        // TLS keeps what the socket did not take until it is flushed.
        let written = match write.write_all(&out).await {
            Ok(()) => write.flush().await,
            failed => failed,
        };
        out.clear();
        stats.queued.fetch_sub(weighed, Ordering::Relaxed);
        stats.sent.fetch_add(sent, Ordering::Relaxed);
        driver.metrics.sent(sent, bytes);
        let before = stats.outstanding.load(Ordering::Relaxed);
        stats
            .outstanding
            .fetch_sub(replies.min(before), Ordering::Relaxed);
        stats.room.notify_one();
        if close || written.is_err() {
            let _ = timeout(PATIENCE, write.shutdown()).await;
            return;
        }
    }
}
