//! Clients: one reader and one writer task for each connection.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use super::accept::{Port, Trouble};
use super::budget::{Budget, BudgetLimits, Share};
use super::client_queue::{ClientQueue, write_frames};
use super::client_stats::ClientStats;
use super::driver::Driver;
use super::tls::Tls;
use super::{disk, sockets, words};
use crate::codec::{client, four_letter};
use crate::core::effect::CloseReason;
use crate::core::input::Input;
use crate::core::types::{ConnId, SessionId};

/// Time for a handshake, and for a short frame to become complete.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a longer frame that a client must manage in a second, beyond that.
const PACE: usize = 16 << 10;
/// Time that a client with half a frame may have to wait until it is read from again.
const PAUSE: Duration = Duration::from_secs(30);
/// Time without an acknowledgement after which a client is taken for gone.
const GONE: Duration = Duration::from_secs(30);
/// The longest handshake: 45 bytes are usual.
const HANDSHAKE: usize = 4 << 10;

/// Limits of the port.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The longest frame (`jute.maxbuffer`).
    pub frame: usize,
    /// All connections together; 0: any number.
    pub connections: usize,
    /// Connections of one address; 0: any number.
    pub per_address: usize,
    /// Memory that clients may take.
    pub budget: BudgetLimits,
    /// Four-letter words that are answered.
    pub words: Vec<String>,
}

/// Who is connected, per address.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What the client ports share: who is connected, and what they may take.
#[derive(Debug)]
pub(crate) struct Clients {
    counts: Mutex<Counts>,
    budget: Arc<Budget>,
    limits: Limits,
}

impl Clients {
    /// Nobody is connected yet.
    pub(crate) fn new(limits: Limits) -> Arc<Clients> {
        Arc::new(Clients { counts: Mutex::default(), budget: Budget::new(limits.budget), limits })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What they take.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}

/// Serves clients until this is dropped; all of them with TLS, or none.
pub(crate) async fn serve(
    mut port: Port,
    tls: Option<Arc<Tls>>,
    driver: Arc<Driver>,
    clients: Arc<Clients>,
) {
    let mut full = Trouble::default();
    loop {
        let (stream, address) = port.accept().await;
        let Some(seat) = Seat::take(&clients, address.ip()) else {
            driver.metrics.refused_connection();
            if let Some(times) = full.came(Instant::now()) {
                let (connections, per_address) =
                    (clients.limits.connections, clients.limits.per_address);
                let ip = address.ip().to_canonical();
                tracing::warn!(
                    %ip, times, connections, per_address,
                    "too many connections, in all or of one address (maxClientCnxns): refused"
                );
            }
            continue;
        };
        let (driver, tls) = (Arc::clone(&driver), tls.clone());
        tokio::spawn(async move {
            sockets::tune(&stream, GONE);
            one_connection(stream, tls.as_deref(), address, &driver, &seat.clients).await;
        });
    }
}

/// A connection's place among the allowed number; given back when dropped.
struct Seat {
    clients: Arc<Clients>,
    ip: IpAddr,
}

impl Seat {
    fn take(clients: &Arc<Clients>, ip: IpAddr) -> Option<Seat> {
        let (mut held, limits) = (clients.counts(), &clients.limits);
        let own = held.by_address.get(&ip).copied().unwrap_or(0);
        let full = limits.connections > 0 && held.all >= limits.connections;
        if full || (limits.per_address > 0 && own >= limits.per_address) {
            return None;
        }
        held.all += 1;
        held.by_address.insert(ip, own + 1);
        drop(held);
        let clients = Arc::clone(clients);
        Some(Seat { clients, ip })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.clients.counts();
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
    clients: &Clients,
) {
    let Some(tls) = tls else {
        let (read, write) = stream.into_split();
        return one_client(read, write, (address, None, false), driver, clients).await;
    };
    if let Some((stream, subject)) = tls.accept(stream, address, &driver.metrics).await {
        let (read, write) = tokio::io::split(stream);
        one_client(read, write, (address, subject, true), driver, clients).await;
    }
}

/// `subject` is of the client's certificate; `secure` whether it came by the secure port.
async fn one_client(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    (address, subject, secure): (SocketAddr, Option<String>, bool),
    driver: &Driver,
    clients: &Clients,
) {
    let limits = &clients.limits;
    let mut buffer = BytesMut::new();
    let first = match timeout(PATIENCE, first_frame(&mut read, &mut buffer, limits)).await {
        Ok(Ok(first)) => first,
        Ok(Err(reason)) => return gone(reason, driver),
        Err(_) => {
            driver.metrics.counted().sessionless_connections_expired.add(1);
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
    driver.metrics.received(1, first.len() as u64);
    let (Ok(request), Ok(entropy), Ok(challenge)) =
        (client::connect_request(first), disk::files::entropy(), disk::files::entropy())
    else {
        return gone(Some(CloseReason::BadFrame), driver);
    };
    let stats = Arc::new(ClientStats::new(address, secure));
    let counted = driver.metrics.counted();
    counted.connection_request_count.add(1);
    if request.session != SessionId(0) {
        counted.connection_revalidate_count.add(1);
    }
    let share = clients.budget.share();
    let (queue, queued) = ClientQueue::new(Arc::clone(&stats), Arc::clone(&share));
    let conn = ConnId(driver.number());
    driver.connected(conn, (address.ip(), subject), challenge, queue);
    driver.step(Input::Connect { conn, request, entropy });
    let reader = Reader { conn, read, buffer, most: limits.frame };
    tokio::select! {
        reason = reader.read_requests(driver, &stats, &share) => gone(reason, driver),
        () = write_frames(conn, write, queued, (&stats, &share), driver) => {}
        () = share.over() => gone(Some(CloseReason::SlowReader), driver),
    }
    driver.disconnected(conn);
}

/// Counts why a connection is closed, if we close it.
fn gone(reason: Option<CloseReason>, driver: &Driver) {
    if let Some(reason) = reason {
        driver.metrics.closed(reason);
    }
}

enum First {
    Word(&'static str),
    Frame(Bytes),
}

async fn first_frame(
    read: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    limits: &Limits,
) -> Result<First, Option<CloseReason>> {
    loop {
        if let Some(head) = buffer.first_chunk::<4>()
            && let Some(word) = four_letter::word(*head)
        {
            return Ok(First::Word(word));
        }
        if let Some(frame) = next_frame(buffer, limits.frame.min(HANDSHAKE)).map_err(Some)? {
            return Ok(First::Frame(frame));
        }
        if !matches!(sockets::read_some(read, buffer).await, Ok(1..)) {
            return Err(None);
        }
    }
}

/// Cuts the next whole frame off. `Err`: its length is out of bounds.
fn next_frame(buffer: &mut BytesMut, most: usize) -> Result<Option<Bytes>, CloseReason> {
    let Some(length) = claimed(buffer) else {
        return Ok(None);
    };
    let length = usize::try_from(length).map_err(|_| CloseReason::BadFrame)?;
    if length > most {
        return Err(CloseReason::BadFrame);
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(4);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// The length that the frame at the front claims to have.
fn claimed(buffer: &BytesMut) -> Option<i32> {
    buffer.first_chunk().copied().map(i32::from_be_bytes)
}

/// What a client says.
struct Reader<R> {
    conn: ConnId,
    read: R,
    buffer: BytesMut,
    /// The longest frame.
    most: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads until the client is gone, or breaks the rules of framing: then it says which.
    async fn read_requests(
        mut self,
        driver: &Driver,
        stats: &ClientStats,
        share: &Share,
    ) -> Option<CloseReason> {
        // When the frame that has begun must be whole.
        let mut due = None;
        loop {
            let (mut inputs, mut bytes) = (Vec::new(), 0);
            loop {
                match next_frame(&mut self.buffer, self.most) {
                    Ok(Some(frame)) => match client::request(frame) {
                        Ok(request) => {
                            bytes += request.size as u64;
                            share.requested(request.xid, request.size);
                            let conn = self.conn;
                            inputs.push(Input::Request { conn, request });
                        }
                        Err(_) => return Some(CloseReason::BadFrame),
                    },
                    Ok(None) => break,
                    Err(reason) => return Some(reason),
                }
            }
            share.half(self.buffer.len());
            if !inputs.is_empty() {
                due = None;
                let count = inputs.len() as u64;
                stats.received(count);
                driver.metrics.received(count, bytes);
                driver.step(Input::Batch(inputs));
            }
            match self.more(share, &mut due).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return None,
                Err(_) => return Some(CloseReason::SlowFrame),
            }
        }
    }

    /// Reads some more, once the client may be read from. Half a frame must become a whole one in
    /// time; between frames a client may be silent.
    async fn more(
        &mut self,
        share: &Share,
        due: &mut Option<Instant>,
    ) -> Result<std::io::Result<usize>, Elapsed> {
        if self.buffer.is_empty() {
            share.room().await;
            return Ok(sockets::read_some(&mut self.read, &mut self.buffer).await);
        }
        let began = Instant::now();
        timeout(PAUSE, share.room()).await?;
        let length = claimed(&self.buffer).map_or(0, |length| length.unsigned_abs() as usize);
        let slow = Duration::from_secs((length / PACE) as u64);
        // The time that we did not read is not the client's.
        let until = match *due {
            Some(due) => due + began.elapsed(),
            None => Instant::now() + PATIENCE + slow,
        };
        *due = Some(until);
        let more = sockets::read_some(&mut self.read, &mut self.buffer);
        timeout_at(until, more).await
    }
}
