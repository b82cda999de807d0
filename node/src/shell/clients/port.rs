//! The client ports: who connects, with which first frame, and the two tasks of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::budget::{Budget, BudgetLimits};
use super::queue::ClientQueue;
use super::reader::{First, PATIENCE, Reader, first_frame};
use super::stats::ClientStats;
use super::words;
use super::writer::write_frames;
use crate::codec::{client, four_letter};
use crate::core::effect::CloseReason;
use crate::core::input::Input;
use crate::core::types::{ConnId, SessionId};
use crate::shell::accept::{Port, QUIET};
use crate::shell::disk::files;
use crate::shell::driver::Driver;
use crate::shell::inspect::inspector::Inspector;
use crate::shell::log_limit::LogLimit;
use crate::shell::seats::Seats;
use crate::shell::sockets;
use crate::shell::tls::acceptor::Tls;

/// Time without an acknowledgement after which a client is taken for gone.
const GONE: Duration = Duration::from_secs(30);

/// Limits of the port.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The longest frame (`jute.maxbuffer`).
    pub(crate) frame: usize,
    /// All connections together; 0: any number.
    pub(crate) connections: usize,
    /// Connections of one address; 0: any number.
    pub(crate) per_address: usize,
    /// Memory that clients may take.
    pub(crate) budget: BudgetLimits,
    /// Four-letter words that are answered.
    pub(crate) words: Vec<String>,
}

/// What the client ports share: who is connected, and what they may take.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) seats: Arc<Seats>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) limits: Limits,
    /// For four-letter words.
    pub(crate) inspector: Arc<Inspector>,
}

/// Where a connection comes from, and what the secure port knows of it.
struct Origin {
    address: SocketAddr,
    /// Of the client's certificate.
    subject: Option<String>,
    /// Whether it came by the secure port.
    secure: bool,
}

/// Serves clients until this is dropped; all of them with TLS, or none.
pub(crate) async fn serve(
    mut port: Port,
    tls: Option<Arc<Tls>>,
    driver: Arc<Driver>,
    clients: Arc<Clients>,
) {
    let mut refusals = LogLimit::new(QUIET);
    loop {
        let (stream, address) = port.accept().await;
        let Some(seat) = clients.seats.reserve(address.ip()) else {
            driver.metrics.refused_connection();
            if let Some(times) = refusals.allows(Instant::now()) {
                log_refusal(address.ip(), times, &clients.seats);
            }
            continue;
        };
        let (driver, tls, clients) = (Arc::clone(&driver), tls.clone(), Arc::clone(&clients));
        tokio::spawn(async move {
            let _seat = seat;
            sockets::tune(&stream, GONE);
            serve_socket(stream, tls.as_deref(), address, &driver, &clients).await;
        });
    }
}

fn log_refusal(ip: IpAddr, times: u64, seats: &Seats) {
    let (ip, connections, per_address) = (ip.to_canonical(), seats.most, seats.per_address);
    tracing::warn!(
        %ip, times, connections, per_address,
        "too many connections, in all or of one address (maxClientCnxns): refused"
    );
}

async fn serve_socket(
    stream: TcpStream,
    tls: Option<&Tls>,
    address: SocketAddr,
    driver: &Driver,
    clients: &Clients,
) {
    let Some(tls) = tls else {
        let (read, write) = stream.into_split();
        let origin = Origin { address, subject: None, secure: false };
        return serve_connection(read, write, origin, driver, clients).await;
    };
    if let Some((stream, subject)) = tls.accept(stream, address, &driver.metrics).await {
        let (read, write) = tokio::io::split(stream);
        let origin = Origin { address, subject, secure: true };
        serve_connection(read, write, origin, driver, clients).await;
    }
}

/// A word is answered, a handshake makes a client.
async fn serve_connection(
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    origin: Origin,
    driver: &Driver,
    clients: &Clients,
) {
    let mut buffer = BytesMut::new();
    let first = first_frame(&mut read, &mut buffer, clients.limits.frame);
    match timeout(PATIENCE, first).await {
        Ok(Ok(First::Frame(frame))) => {
            let reader = |conn| Reader { conn, read, buffer, most: clients.limits.frame };
            serve_client(frame, reader, write, origin, driver, clients).await;
        }
        Ok(Ok(First::Word(word))) => {
            if clients.limits.words.iter().any(|it| it == word) {
                let argument = words::argument(word, &mut read, &mut buffer).await;
                // A tool that has gone does not need an answer.
                let _ = words::write_answer(word, argument, &clients.inspector, &mut write).await;
            } else {
                let refusal = four_letter::refusal(word);
                let _ = timeout(PATIENCE, write.write_all(refusal.as_bytes())).await;
            }
            let _ = timeout(PATIENCE, write.shutdown()).await;
        }
        Ok(Err(reason)) => count_close(reason, driver),
        Err(_) => driver.metrics.zookeeper().sessionless_connections_expired.add(1),
    }
}

async fn serve_client<R: AsyncRead + Unpin>(
    handshake: Bytes,
    reader: impl FnOnce(ConnId) -> Reader<R>,
    write: impl AsyncWrite + Unpin,
    origin: Origin,
    driver: &Driver,
    clients: &Clients,
) {
    driver.metrics.received(1, handshake.len() as u64);
    let (Ok(request), Ok(entropy), Ok(challenge)) =
        (client::connect_request(handshake), files::entropy(), files::entropy())
    else {
        return count_close(Some(CloseReason::BadFrame), driver);
    };
    let stats = Arc::new(ClientStats::new(origin.address, origin.secure));
    let counters = driver.metrics.zookeeper();
    counters.connection_request_count.add(1);
    if request.session != SessionId(0) {
        counters.connection_revalidate_count.add(1);
    }
    let share = clients.budget.share();
    let (queue, queued) = ClientQueue::new(Arc::clone(&stats), Arc::clone(&share));
    let conn = ConnId(driver.number());
    driver.connected(conn, origin.address.ip(), origin.subject, challenge, queue);
    driver.step(Input::Connect { conn, request, entropy });
    let reader = reader(conn);
    tokio::select! {
        reason = reader.read_requests(driver, &stats, &share) => count_close(reason, driver),
        () = write_frames(conn, write, queued, &stats, &share, driver) => {}
        () = share.evicted() => count_close(Some(CloseReason::SlowReader), driver),
    }
    driver.disconnected(conn);
}

/// Counts why a connection is closed, if we close it.
fn count_close(reason: Option<CloseReason>, driver: &Driver) {
    if let Some(reason) = reason {
        driver.metrics.closed(reason);
    }
}
