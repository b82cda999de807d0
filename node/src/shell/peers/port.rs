//! Links that other members dial.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::{GONE, frame_bytes, read_frame, read_short_frame};
use super::snapshot_stream;
use crate::codec::peer::Frame;
use crate::core::input::Input;
use crate::core::message::PROOF_MS;
use crate::core::types::MemberId;
use crate::shell::accept::{Port, QUIET};
use crate::shell::disk::DiskConfig;
use crate::shell::driver::{Driver, HelloAnswer};
use crate::shell::log_limit::LogLimit;
use crate::shell::seats::{Seat, Seats};
use crate::shell::sockets;
use crate::shell::tls::members::Security;
use crate::shell::tls::stream::PeerStream;

/// Time for a hello, and for taking the answer to it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time until it must be shown that a link is of the member that it claims to be.
const PROOF: Duration = Duration::from_millis(PROOF_MS);
/// Bytes of a first frame: a hello is far shorter, and who sends it is not known yet.
const FIRST_FRAME: usize = 4 << 10;
/// Connections that have not been accepted yet; with [`FIRST_FRAME`], what they may take together.
const STRANGERS: usize = 128;
/// Connections that have been accepted: a member has a link, and now and then a snapshot's.
const ACCEPTED: usize = 256;
/// Of either kind, those of one address. All members may share one, on a machine for development.
const PER_ADDRESS: usize = 32;

/// Who may be connected to the port, and how.
struct Seating {
    security: Security,
    refusals: Mutex<LogLimit>,
    strangers: Arc<Seats>,
    accepted: Arc<Seats>,
}

/// Serves members until this is dropped.
pub(crate) async fn serve(
    mut port: Port,
    security: Security,
    driver: Arc<Driver>,
    disk: DiskConfig,
) {
    let seating = Arc::new(Seating {
        security,
        refusals: Mutex::new(LogLimit::new(QUIET)),
        strangers: Seats::new(STRANGERS, PER_ADDRESS),
        accepted: Seats::new(ACCEPTED, PER_ADDRESS),
    });
    let mut refusals = LogLimit::new(QUIET);
    loop {
        let (stream, address) = port.accept().await;
        let Some(seat) = seating.strangers.reserve(address.ip()) else {
            if let Some(times) = refusals.allows(Instant::now()) {
                let ip = address.ip().to_canonical();
                tracing::warn!(%ip, times, "too many connections to the members' port: refused");
            }
            continue;
        };
        let (driver, disk, seating) = (Arc::clone(&driver), disk.clone(), Arc::clone(&seating));
        tokio::spawn(async move {
            sockets::tune(&stream, GONE);
            match serve_one(stream, address.ip(), seat, &seating, &driver, &disk).await {
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    let mut refusals =
                        seating.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(times) = refusals.allows(Instant::now()) {
                        let ip = address.ip().to_canonical();
                        tracing::warn!(%ip, %error, times, "a link of a member was refused");
                    }
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    tracing::warn!(%error, "a member of another version dialled: no link");
                }
                Err(error) => tracing::debug!(%error, "listen to a member"),
                Ok(()) => {}
            }
        });
    }
}

async fn serve_one(
    stream: TcpStream,
    ip: IpAddr,
    seat: Seat,
    seating: &Seating,
    driver: &Arc<Driver>,
    disk: &DiskConfig,
) -> std::io::Result<()> {
    let mut stream = seating.security.accepted(stream).await?;
    let first = timeout(PATIENCE, read_short_frame(&mut stream, FIRST_FRAME)).await??;
    let (hello, offer) = match first {
        Frame::Hello(hello) => (hello, None),
        Frame::SnapshotOffer { hello, term, index, bytes } => (hello, Some((term, index, bytes))),
        _ => return Err(ErrorKind::InvalidData.into()),
    };
    let (from, address) = (hello.from, hello.address.clone());
    let Ok(HelloAnswer { hello: answer, accepted }) = driver.hello(hello).await else {
        return Ok(());
    };
    let answer = frame_bytes(&Frame::Hello(answer));
    let Some(heard) = accepted else {
        timeout(PATIENCE, say(&mut stream, &answer)).await??;
        return stream.shutdown().await;
    };
    let address = driver.address_of(from).map_or(address, |(address, _)| address);
    seating.security.names(&stream, &address)?;
    let Some(_accepted) = seating.accepted.reserve(ip) else {
        return Err(std::io::Error::other("too many links of this address"));
    };
    drop(seat);
    if offer.is_none() {
        timeout(PATIENCE, say(&mut stream, &answer)).await??;
    }
    // Till then nothing is read: what is sent waits in the socket.
    if timeout(PROOF, heard).await.is_ok_and(|heard| heard.is_ok()) {
        match offer {
            Some(offer) => snapshot_stream::receive(stream, driver, disk, from, offer).await,
            None => listen(stream, driver, from).await,
        }
    } else {
        stream.shutdown().await
    }
}

async fn say(stream: &mut PeerStream, frame: &[u8]) -> std::io::Result<()> {
    stream.write_all(frame).await?;
    stream.flush().await
}

async fn listen(stream: PeerStream, driver: &Driver, from: MemberId) -> std::io::Result<()> {
    let mut read = tokio::io::BufReader::with_capacity(256 << 10, stream);
    loop {
        let mut inputs = Vec::new();
        loop {
            match read_frame(&mut read).await? {
                Frame::Message(message) => inputs.push(Input::Peer { from, message }),
                _ => return Err(ErrorKind::InvalidData.into()),
            }
            // What has arrived already belongs to the same batch.
            if read.buffer().is_empty() || inputs.len() >= 256 {
                break;
            }
        }
        if !driver.heard(from, Input::Batch(inputs)) {
            return Ok(());
        }
    }
}
