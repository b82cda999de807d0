//! Links that other members dial.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::frames::{GONE, frame_bytes, read_frame};
use super::snapshot_stream;
use crate::codec::peer::Frame;
use crate::core::input::Input;
use crate::core::types::MemberId;
use crate::shell::accept::Port;
use crate::shell::disk::DiskConfig;
use crate::shell::driver::Driver;
use crate::shell::sockets;

/// Time for a hello.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves members until this is dropped.
pub(crate) async fn serve(mut port: Port, driver: Arc<Driver>, disk: DiskConfig) {
    loop {
        let (stream, _) = port.accept().await;
        let (driver, disk) = (Arc::clone(&driver), disk.clone());
        tokio::spawn(async move {
            sockets::tune(&stream, GONE);
            match serve_one(stream, &driver, &disk).await {
                Err(error) if error.kind() == std::io::ErrorKind::Unsupported => {
                    tracing::warn!(%error, "a member of another version dialled: no link");
                }
                Err(error) => tracing::debug!(%error, "listen to a member"),
                Ok(()) => {}
            }
        });
    }
}

async fn serve_one(
    mut stream: TcpStream,
    driver: &Arc<Driver>,
    disk: &DiskConfig,
) -> std::io::Result<()> {
    let first = timeout(PATIENCE, read_frame(&mut stream)).await??;
    let (hello, offer) = match first {
        Frame::Hello(hello) => (hello, None),
        Frame::SnapshotOffer { hello, term, index, bytes } => (hello, Some((term, index, bytes))),
        _ => return Err(std::io::ErrorKind::InvalidData.into()),
    };
    let from = hello.from;
    let Ok((accepted, answer)) = driver.hello(hello).await else {
        return Ok(());
    };
    if !accepted {
        stream.write_all(&frame_bytes(&Frame::Hello(answer))).await?;
        return stream.shutdown().await;
    }
    match offer {
        Some(offer) => snapshot_stream::receive(stream, driver, disk, from, offer).await,
        None => {
            stream.write_all(&frame_bytes(&Frame::Hello(answer))).await?;
            listen(stream, driver, from).await
        }
    }
}

async fn listen(stream: TcpStream, driver: &Driver, from: MemberId) -> std::io::Result<()> {
    let mut read = tokio::io::BufReader::with_capacity(256 << 10, stream);
    loop {
        let mut inputs = Vec::new();
        loop {
            match read_frame(&mut read).await? {
                Frame::Message(message) => inputs.push(Input::Peer { from, message }),
                _ => return Err(std::io::ErrorKind::InvalidData.into()),
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
