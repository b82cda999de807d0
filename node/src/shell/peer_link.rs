//! Links that we dial: one task each, for ever, with a fresh name lookup at every attempt.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::driver::Driver;
use super::peer_queue::{self, PeerQueued};
use super::sockets;
use crate::codec::jute::Malformed;
use crate::codec::peer::{self, Frame, HEADER};
use crate::core::effect::Link;
use crate::core::input::Input;
use crate::core::message::Hello;
use crate::core::types::MemberId;

/// Time for a name lookup and a connection, and for an answer to a hello.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time without an acknowledgement after which a member is taken for gone.
pub(crate) const GONE: Duration = Duration::from_secs(3);
/// Bytes that are encoded before they are written, but for one large message.
const WRITE: usize = 256 << 10;
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// The links that are wanted, and their tasks.
#[derive(Debug)]
pub(crate) struct Links {
    driver: Weak<Driver>,
    /// Links may be asked for on the log's thread, which is none of the runtime's.
    runtime: Handle,
    hello: Option<Hello>,
    tasks: BTreeMap<Link, AbortHandle>,
}

impl Links {
    /// None yet. To be called on the runtime that is to carry them.
    pub(crate) fn new(driver: Weak<Driver>) -> Links {
        Links { driver, runtime: Handle::current(), hello: None, tasks: BTreeMap::new() }
    }

    /// Keeps exactly these. Who we say we are may have changed: then all are made anew.
    pub(crate) fn keep(&mut self, hello: Hello, links: Vec<Link>) {
        if self.hello.as_ref() != Some(&hello) {
            std::mem::take(&mut self.tasks).values().for_each(AbortHandle::abort);
        }
        self.tasks.retain(|link, task| {
            let wanted = links.contains(link);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for link in links {
            let hello = Hello { to: link.member, ..hello.clone() };
            let driver = self.driver.clone();
            let runtime = &self.runtime;
            self.tasks
                .entry(link.clone())
                .or_insert_with(|| runtime.spawn(keep_link(driver, link, hello)).abort_handle());
        }
        self.hello = Some(hello);
    }

    /// Where a member is reached, and who we say we are to it.
    pub(crate) fn address_of(&self, member: MemberId) -> Option<(String, Hello)> {
        let link = self.tasks.keys().find(|link| link.member == Some(member))?;
        let hello = self.hello.clone()?;
        Some((link.address.clone(), Hello { to: Some(member), ..hello }))
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        std::mem::take(&mut self.tasks).values().for_each(AbortHandle::abort);
    }
}

/// Connects, resolving the name anew.
pub(crate) async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
    sockets::tune(&stream, GONE);
    Ok(stream)
}

/// What is newer is told from what is broken: only the one is worth a warning.
fn peer_error(error: Malformed) -> std::io::Error {
    let newer = error.other_version().is_some();
    let kind = if newer { ErrorKind::Unsupported } else { ErrorKind::InvalidData };
    std::io::Error::new(kind, error)
}

/// Reads one frame.
pub(crate) async fn read_frame(read: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Frame> {
    let mut head = [0; HEADER];
    read.read_exact(&mut head).await?;
    let (length, crc) = peer::header(&head).map_err(peer_error)?;
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

async fn keep_link(driver: Weak<Driver>, link: Link, hello: Hello) {
    let mut wait = RETRY_MIN;
    loop {
        match dial(&link, &hello).await {
            Ok((stream, answer)) => {
                wait = RETRY_MIN;
                let Some(driver) = driver.upgrade() else {
                    return;
                };
                let accepted = answer.to == Some(hello.from) && link.member == Some(answer.from);
                if accepted {
                    use_link(&driver, stream, answer.from).await;
                } else {
                    let address = link.address.clone();
                    driver.step(Input::PeerAnswer { address, hello: answer });
                    drop(driver);
                    sleep(RETRY_MAX / 2).await;
                }
            }
            Err(error) => {
                if error.kind() == ErrorKind::Unsupported {
                    tracing::warn!(address = link.address, %error, "dial a member");
                } else {
                    tracing::debug!(address = link.address, %error, "dial a member");
                }
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
        sleep(wait).await;
    }
}

async fn dial(link: &Link, hello: &Hello) -> std::io::Result<(TcpStream, Hello)> {
    let mut stream = connect(&link.address).await?;
    let frame = peer::encode(&Frame::Hello(hello.clone()), BytesMut::new());
    stream.write_all(&frame).await?;
    match timeout(PATIENCE, read_frame(&mut stream)).await?? {
        Frame::Hello(answer) => Ok((stream, answer)),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// Sends what is queued until the link breaks.
async fn use_link(driver: &Arc<Driver>, stream: TcpStream, member: MemberId) {
    let (read, write) = stream.into_split();
    let (queue, queued) = peer_queue::queue();
    let number = driver.number();
    driver.link_up(member, number, queue);
    carry(member, read, write, queued).await;
    driver.link_down(member, number);
}

/// The same, on a link that is up.
async fn carry(
    member: MemberId,
    mut read: impl AsyncRead + Unpin,
    mut write: impl AsyncWrite + Unpin,
    mut queued: PeerQueued,
) {
    let room = queued.room();
    let sending = async {
        let mut out = BytesMut::new();
        let mut next = queued.next().await;
        while let Some(first) = next.take() {
            let mut written = 0;
            let mut message = Some(first);
            while let Some((one, weight)) = message.take() {
                written += weight;
                out = peer::encode(&Frame::Message(one), out);
                if out.len() < WRITE {
                    message = queued.ready();
                }
            }
            if write.write_all(&out).await.is_err() {
                return;
            }
            out.clear();
            room.written(written);
            next = queued.next().await;
        }
    };
    // Nothing is ever answered on this connection: reading only notices its end.
    let ended = async {
        let mut nothing = [0; 16];
        while matches!(read.read(&mut nothing).await, Ok(1..)) {}
    };
    tokio::select! {
        () = sending => {}
        () = ended => {}
        () = room.over() => {
            tracing::warn!(%member, "takes less than there is for it: its link is made anew");
        }
    }
}

/// One frame as bytes.
pub(crate) fn frame_bytes(frame: &Frame) -> Bytes {
    peer::encode(frame, BytesMut::new()).freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::message::PeerMessage;

    #[tokio::test]
    async fn a_link_ends_when_its_member_takes_less_than_there_is_for_it() {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        let (read, write) = tokio::io::split(ours);
        let (queue, queued) = peer_queue::queue();
        let carried = tokio::spawn(carry(MemberId(2), read, write, queued));
        for id in 0..1 << 20 {
            queue.send(PeerMessage::Barrier { id });
        }
        let ended = timeout(Duration::from_secs(30), carried).await;
        ended.unwrap().unwrap();
        drop(theirs);
    }
}
