//! Connections to members, and whole frames on them.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::codec::jute::Malformed;
use crate::codec::peer::{self, FRAME_MAX, Frame, HEADER};
use crate::shell::sockets;
use crate::shell::tls::members::{Security, asks_for_tls};
use crate::shell::tls::stream::PeerStream;

/// Time for a name lookup and a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time without an acknowledgement after which a member is taken for gone.
pub(super) const GONE: Duration = Duration::from_secs(3);

/// Connects, resolving the name anew, and shakes hands.
pub(super) async fn connect(address: &str, security: &Security) -> std::io::Result<PeerStream> {
    let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
    sockets::tune(&stream, GONE);
    security.dialled(stream, address).await
}

/// What is newer is told from what is broken: only the one is worth a warning.
fn peer_error(error: Malformed) -> std::io::Error {
    let newer = error.other_version().is_some();
    let kind = if newer { ErrorKind::Unsupported } else { ErrorKind::InvalidData };
    std::io::Error::new(kind, error)
}

/// Reads one frame, of any length that frames may have.
pub(super) async fn read_frame(read: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Frame> {
    read_short_frame(read, FRAME_MAX).await
}

/// Reads one frame, of so many bytes at most.
pub(super) async fn read_short_frame(
    read: &mut (impl AsyncReadExt + Unpin),
    most: usize,
) -> std::io::Result<Frame> {
    let mut head = [0; HEADER];
    read.read_exact(&mut head).await?;
    asks_for_tls(&head)?;
    let (length, crc) = peer::header(&head).map_err(peer_error)?;
    if length > most {
        return Err(std::io::Error::new(ErrorKind::InvalidData, "the frame is too long"));
    }
    // Grows with what arrives, not with what is claimed.
    let mut content = BytesMut::new();
    let mut limited = read.take(length as u64);
    while content.len() < length {
        if limited.read_buf(&mut content).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    peer::decode(content.freeze(), crc).map_err(peer_error)
}

/// One frame as bytes.
pub(super) fn frame_bytes(frame: &Frame) -> Bytes {
    peer::encode(frame, BytesMut::new()).freeze()
}
