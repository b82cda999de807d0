//! What a client is sent, many frames in one write.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::budget::Share;
use super::queue::{Outgoing, Queued};
use super::stats::ClientStats;
use crate::codec::client_reply;
use crate::core::input::Input;
use crate::core::op::ServerFrame;
use crate::core::sent::Sent;
use crate::core::types::ConnId;
use crate::shell::driver::Driver;

/// Time in which a client that is sent something takes at least some of it.
const STALLED: Duration = Duration::from_secs(30);
/// Time for a last word.
const FAREWELL: Duration = Duration::from_secs(10);
/// Bytes that are encoded before they are written, but for one large frame.
const WRITE: usize = 256 << 10;

/// Writes whatever is queued, many frames in one write, until told to close.
pub(super) async fn write_frames(
    conn: ConnId,
    mut write: impl AsyncWrite + Unpin,
    Queued(mut queue): Queued,
    stats: &ClientStats,
    share: &Share,
    driver: &Driver,
) {
    let mut out = BytesMut::new();
    let mut next = queue.recv().await;
    while let Some(first) = next.take() {
        let mut batch = Batch::default();
        let mut outgoing = Some(first);
        while let Some(one) = outgoing.take() {
            if batch.add(one, &mut out, driver) && out.len() < WRITE {
                outgoing = queue.try_recv().ok();
            }
        }
        let (bytes, written) = (out.len() as u64, write_all(&mut write, &out).await);
        out.clear();
        if out.capacity() > 4 * WRITE {
            // After a large reply: what every client may once have needed is not kept for each.
            out = BytesMut::new();
        }
        share.written(batch.weight, &batch.replies);
        stats.sent.fetch_add(batch.frames, Ordering::Relaxed);
        driver.metrics.sent(batch.frames, bytes);
        if batch.close || written.is_err() {
            let _ = timeout(FAREWELL, write.shutdown()).await;
            return;
        }
        for sent in batch.marks {
            driver.step(Input::Flushed { conn, sent });
        }
        next = queue.recv().await;
    }
}

/// What is written at once.
#[derive(Default)]
struct Batch {
    weight: usize,
    frames: u64,
    /// The numbers of the requests that are answered.
    replies: Vec<i32>,
    marks: Vec<Sent>,
    close: bool,
}

impl Batch {
    /// Whether there may be more.
    fn add(&mut self, outgoing: Outgoing, out: &mut BytesMut, driver: &Driver) -> bool {
        match outgoing {
            Outgoing::Frame(frame, weight) => {
                self.weight += weight;
                self.frames += 1;
                let before = out.len();
                *out = client_reply::server_frame(&frame, std::mem::take(out));
                if let ServerFrame::Reply(reply) = &frame {
                    self.replies.push(reply.xid);
                    let sizes = &driver.metrics.zookeeper().client_response_size;
                    sizes.observe(out.len() - before);
                }
            }
            Outgoing::Mark(sent) => self.marks.push(sent),
            Outgoing::Close => self.close = true,
        }
        !self.close
    }
}

/// Slowly, if the client is slow; but it has to take something now and then.
async fn write_all(write: &mut (impl AsyncWrite + Unpin), mut rest: &[u8]) -> std::io::Result<()> {
    while !rest.is_empty() {
        let written = timeout(STALLED, write.write(rest)).await??;
        rest = rest.get(written..).unwrap_or_default();
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
    }
    // TLS keeps what the socket did not take until it is flushed.
    timeout(STALLED, write.flush()).await?
}
