//! What clients say, cut into frames: a length that is only claimed allocates nothing.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::Share;
use super::stats::ClientStats;
use crate::codec::{client, four_letter};
use crate::core::effect::CloseReason;
use crate::core::input::Input;
use crate::core::types::ConnId;
use crate::shell::driver::Driver;
use crate::shell::sockets;

/// Time for a handshake, and for a short frame to become complete.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a longer frame that a client must manage in a second, beyond that.
const PACE: usize = 16 << 10;
/// Time that a client with half a frame may have to wait until it is read from again.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest handshake: 45 bytes are usual.
const HANDSHAKE: usize = 4 << 10;

/// What a connection begins with.
pub(super) enum First {
    /// A four-letter word.
    Word(&'static str),
    /// A handshake.
    Frame(Bytes),
}

/// The first four bytes say which it is. `Err(None)`: the client is gone.
pub(super) async fn first_frame(
    read: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    most: usize,
) -> Result<First, Option<CloseReason>> {
    loop {
        if let Some(head) = buffer.first_chunk::<4>()
            && let Some(word) = four_letter::word(*head)
        {
            return Ok(First::Word(word));
        }
        if let Some(frame) = next_frame(buffer, most.min(HANDSHAKE)).map_err(Some)? {
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
pub(super) struct Reader<R> {
    pub(super) conn: ConnId,
    pub(super) read: R,
    pub(super) buffer: BytesMut,
    /// The longest frame.
    pub(super) most: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads until the client is gone, or breaks the rules of framing: then it says which.
    pub(super) async fn read_requests(
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
                let frame = match next_frame(&mut self.buffer, self.most) {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(reason) => return Some(reason),
                };
                let Ok(request) = client::request(frame) else {
                    return Some(CloseReason::BadFrame);
                };
                bytes += request.size as u64;
                share.requested(request.xid, request.size);
                inputs.push(Input::Request { conn: self.conn, request });
            }
            share.half(self.buffer.len());
            if !inputs.is_empty() {
                due = None;
                let count = inputs.len() as u64;
                stats.received(count);
                driver.metrics.received(count, bytes);
                driver.step(Input::Batch(inputs));
            }
            match self.read_more(share, &mut due).await {
                Ok(Ok(1..)) => {}
                Ok(_) => return None,
                Err(_) => return Some(CloseReason::SlowFrame),
            }
        }
    }

    /// Reads some more, once the client may be read from. Half a frame must become a whole one in
    /// time; between frames a client may be silent.
    async fn read_more(
        &mut self,
        share: &Share,
        due: &mut Option<Instant>,
    ) -> Result<std::io::Result<usize>, Elapsed> {
        if self.buffer.is_empty() {
            share.wait_for_room().await;
            return Ok(sockets::read_some(&mut self.read, &mut self.buffer).await);
        }
        let began = Instant::now();
        timeout(PAUSE, share.wait_for_room()).await?;
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
