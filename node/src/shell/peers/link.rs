//! A link that we dial: one task, for ever, with a fresh name lookup at every attempt.

use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::frames::{connect, read_frame};
use super::queue::{self, PeerQueued};
use crate::codec::peer::{self, Frame};
use crate::codec::versions::{self, OtherVersion};
use crate::core::effect::Link;
use crate::core::input::Input;
use crate::core::message::Hello;
use crate::core::types::MemberId;
use crate::shell::accept::QUIET;
use crate::shell::driver::Driver;
use crate::shell::log_limit::LogLimit;
use crate::shell::tls::members::Security;
use crate::shell::tls::stream::PeerStream;

/// Time for an answer to a hello.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes that are encoded before they are written, but for one large message.
const WRITE: usize = 256 << 10;
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);
/// A link that ended sooner than this is dialled again as one that could not be made.
const HELD: Duration = Duration::from_secs(5);

/// Dials, and carries messages for as long as the link holds; then again.
pub(super) async fn keep_link(driver: Weak<Driver>, security: Security, link: Link, hello: Hello) {
    let mut wait = RETRY_MIN;
    let mut refusals = LogLimit::new(QUIET);
    loop {
        match dial(&link, &hello, &security).await {
            Ok((stream, answer)) => {
                let Some(driver) = driver.upgrade() else {
                    return;
                };
                let accepted = answer.to == Some(hello.from) && link.member == Some(answer.from);
                if accepted {
                    match versions::spoken_with(&answer.can) {
                        Ok(version) => {
                            let began = Instant::now();
                            let other = Other { member: answer.from, version };
                            use_link(&driver, stream, other, answer.proof).await;
                            wait = pause_after(began.elapsed(), wait);
                        }
                        Err(error) => {
                            log_failure(&link.address, &unsupported(error), &mut refusals);
                            wait = RETRY_MAX;
                        }
                    }
                } else {
                    let address = link.address.clone();
                    driver.step(Input::PeerAnswer { address, hello: answer });
                    drop(driver);
                    wait = RETRY_MIN;
                    sleep(RETRY_MAX / 2).await;
                }
            }
            Err(error) => {
                log_failure(&link.address, &error, &mut refusals);
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
        sleep(wait).await;
    }
}

/// What a newer version wrote is worth a warning; that a member cannot be reached shows elsewhere.
fn log_failure(address: &str, error: &std::io::Error, refusals: &mut LogLimit) {
    if error.kind() == ErrorKind::PermissionDenied {
        if let Some(times) = refusals.allows(Instant::now()) {
            tracing::warn!(address, %error, times, "a member is not reached: no link");
        }
    } else if error.kind() == ErrorKind::Unsupported {
        tracing::warn!(address, %error, "a member of another version answers there: no link");
    } else {
        tracing::debug!(address, %error, "dial a member");
    }
}

/// How long to wait after a link that held for so long, if it was this long before it.
fn pause_after(held: Duration, before: Duration) -> Duration {
    if held >= HELD { RETRY_MIN } else { (before * 2).min(RETRY_MAX) }
}

fn unsupported(error: OtherVersion) -> std::io::Error {
    std::io::Error::new(ErrorKind::Unsupported, error)
}

async fn dial(
    link: &Link,
    hello: &Hello,
    security: &Security,
) -> std::io::Result<(PeerStream, Hello)> {
    let mut stream = connect(&link.address, security).await?;
    let frame = peer::encode(&Frame::Hello(hello.clone()), BytesMut::new());
    stream.write_all(&frame).await?;
    stream.flush().await?;
    let answer = timeout(PATIENCE, read_frame(&mut stream)).await?;
    match answer.map_err(|error| security.unanswered(&stream, error))? {
        Frame::Hello(answer) => Ok((stream, answer)),
        _ => Err(std::io::ErrorKind::InvalidData.into()),
    }
}

/// Sends what is queued until the link breaks, in frames of this version.
async fn use_link(driver: &Arc<Driver>, stream: PeerStream, other: Other, voucher: Bytes) {
    let (queue, queued) = queue::new();
    let number = driver.number();
    driver.link_up(other.member, voucher, number, queue);
    match stream {
        PeerStream::Plain(stream) => {
            let (read, write) = stream.into_split();
            carry(other, read, write, queued).await;
        }
        PeerStream::Tls(stream) => {
            let (read, write) = tokio::io::split(stream);
            carry(other, read, write, queued).await;
        }
    }
    driver.link_down(other.member, number);
}

/// The other end of a link.
#[derive(Clone, Copy, Debug)]
struct Other {
    member: MemberId,
    /// The newest version of frames that both ends read.
    version: u32,
}

/// The same, on a link that is up.
async fn carry(
    Other { member, version }: Other,
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
                out = peer::encode_as(&Frame::Message(one), version, out);
                if out.len() < WRITE {
                    message = queued.ready();
                }
            }
            if write.write_all(&out).await.is_err() || write.flush().await.is_err() {
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
            tracing::warn!(%member, "a member takes less than is sent to it: its link is made anew");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::message::PeerMessage;

    #[test]
    fn a_member_that_closes_its_links_at_once_is_dialled_less_and_less_often() {
        let mut wait = RETRY_MIN;
        for _ in 0..10 {
            let next = pause_after(Duration::from_millis(20), wait);
            assert!(next > wait || next == RETRY_MAX);
            wait = next;
        }
        assert_eq!(wait, RETRY_MAX);
        assert_eq!(pause_after(HELD, wait), RETRY_MIN);
    }

    #[tokio::test]
    async fn a_link_ends_when_its_member_takes_less_than_there_is_for_it() {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        let (read, write) = tokio::io::split(ours);
        let (queue, queued) = queue::new();
        let other = Other { member: MemberId(2), version: 1 };
        let carried = tokio::spawn(carry(other, read, write, queued));
        for id in 0..1 << 20 {
            queue.send(PeerMessage::Barrier { id });
        }
        let ended = timeout(Duration::from_secs(30), carried).await;
        ended.unwrap().unwrap();
        drop(theirs);
    }
}
