//! Snapshots between members, on connections of their own: the sender offers, the receiver says
//! from where to go on (what arrived before a break is kept), and checks all of it at the end.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use super::frames::{connect, frame_bytes, read_frame};
use crate::codec::peer::Frame;
use crate::core::input::Input;
use crate::core::types::{Index, MemberId, Term};
use crate::shell::disk::snapshots::{self, Incoming};
use crate::shell::disk::{DiskConfig, DiskError};
use crate::shell::driver::Driver;
use crate::shell::tls::members::Security;
use crate::shell::tls::stream::PeerStream;

const CHUNK: usize = 256 << 10;
/// Time for one step of the other side.
const PATIENCE: Duration = Duration::from_secs(30);

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> std::io::Error {
    std::io::Error::other(error)
}

/// Sends the newest stored snapshot to a member and tells the core how it went.
pub(crate) async fn send(
    driver: Arc<Driver>,
    disk: DiskConfig,
    security: Security,
    to: MemberId,
    term: Term,
    index: Index,
) {
    let newest = snapshots::list(&disk).into_iter().next().filter(|(at, _, _)| *at >= index);
    let sent = match (newest, driver.address_of(to)) {
        (Some((at, _, path)), Some((address, hello))) => {
            let offer = |bytes| Frame::SnapshotOffer { hello, term, index: at, bytes };
            let outcome = stream(&address, &security, offer, &path).await;
            if let Err(error) = &outcome {
                tracing::warn!(%to, index = %at, %error, "send a snapshot");
            }
            (at, outcome.is_ok())
        }
        _ => (index, false),
    };
    if sent.1 {
        driver.metrics.zookeeper().snap_count.add(1);
    } else {
        // The core asks again at once: not to run in circles while the member is away.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    driver.step(Input::SnapshotSent { to, index: sent.0, ok: sent.1 });
}

async fn stream(
    address: &str,
    security: &Security,
    offer: impl FnOnce(u64) -> Frame,
    path: &std::path::Path,
) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let total = file.metadata()?.len();
    let mut connection = connect(address, security).await?;
    connection.write_all(&frame_bytes(&offer(total))).await?;
    connection.flush().await?;
    let mut offset = match timeout(PATIENCE, read_frame(&mut connection)).await?? {
        Frame::SnapshotResume { offset } if offset <= total => offset,
        Frame::SnapshotDone => return Ok(()),
        _ => return Err(std::io::ErrorKind::ConnectionRefused.into()),
    };
    file.seek(SeekFrom::Start(offset))?;
    while offset < total {
        let mut data = vec![0; CHUNK.min((total - offset) as usize)];
        file.read_exact(&mut data)?;
        let length = data.len() as u64;
        let chunk = Frame::SnapshotChunk { offset, data: Bytes::from(data) };
        timeout(PATIENCE, connection.write_all(&frame_bytes(&chunk))).await??;
        offset += length;
    }
    connection.flush().await?;
    match timeout(PATIENCE * 4, read_frame(&mut connection)).await?? {
        Frame::SnapshotDone => Ok(()),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// Takes what a leader offers.
pub(crate) async fn receive(
    mut connection: PeerStream,
    driver: &Arc<Driver>,
    disk: &DiskConfig,
    from: MemberId,
    (term, index, bytes): (Term, Index, u64),
) -> std::io::Result<()> {
    let mut incoming = Incoming::open(disk, index, bytes).map_err(other)?;
    let offset = incoming.offset();
    connection.write_all(&frame_bytes(&Frame::SnapshotResume { offset })).await?;
    connection.flush().await?;
    while !incoming.complete() {
        let Frame::SnapshotChunk { offset, data } =
            timeout(PATIENCE, read_frame(&mut connection)).await??
        else {
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        if !incoming.push(offset, &data).map_err(other)? {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    let snapshot = tokio::task::spawn_blocking(move || incoming.finish())
        .await
        .map_err(other)?
        .map_err(|error: DiskError| match error {
            DiskError::OtherVersion { .. } => {
                std::io::Error::new(std::io::ErrorKind::Unsupported, error)
            }
            _ => other(error),
        })?;
    if !driver.heard(from, Input::SnapshotReceived { from, term, snapshot }) {
        return Ok(());
    }
    connection.write_all(&frame_bytes(&Frame::SnapshotDone)).await?;
    connection.flush().await
}
