//! Frames made by hand, so that odd requests can be sent, and a connection whose end and silence
//! are answers as well.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use quorate_zk::{Jute, frame, raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::history::{Field, Moment, Request};
use super::sasl::Answer;

/// How long any answer may take before a server counts as silent.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server sent, or did instead.
#[derive(Debug)]
pub(super) enum Incoming {
    Frame(Vec<u8>),
    Closed,
    Silence,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Wire(TcpStream);

impl Wire {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await;
        let stream = stream.with_context(|| format!("{address} accepts no connection"))??;
        stream.set_nodelay(true)?;
        Ok(Wire(stream))
    }

    /// Sends frames at once. That the other side is gone shows when its answer is read.
    pub(super) async fn send(&mut self, frames: &[Vec<u8>]) {
        self.say(&frames.concat()).await;
    }

    /// Sends bytes as they are.
    pub(super) async fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Everything that comes until the server closes; nothing if it does not.
    pub(super) async fn rest(&mut self) -> Option<Vec<u8>> {
        let mut heard = Vec::new();
        // A reset is an end as well: what it did not read of ours is lost, not what it said.
        let read = timeout(PATIENCE, self.0.read_to_end(&mut heard)).await;
        read.is_ok().then_some(heard)
    }

    pub(super) async fn receive(&mut self) -> Incoming {
        match timeout(PATIENCE, self.frame()).await {
            Err(_) => Incoming::Silence,
            Ok(Err(_)) => Incoming::Closed,
            Ok(Ok(frame)) => Incoming::Frame(frame),
        }
    }

    async fn frame(&mut self) -> Result<Vec<u8>> {
        let mut head = [0; 4];
        self.0.read_exact(&mut head).await?;
        let mut frame = vec![0; frame::length(head)?];
        self.0.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

/// A frame's body behind its length.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, |out| out.extend_from_slice(body));
    out
}

/// What a history's plain data stands for while it is played.
pub(super) trait Known {
    /// A text with names in the place of what stands for them.
    fn named(&self, text: &[u8]) -> Vec<u8>;
    /// What a moment was.
    fn zxid(&self, moment: Moment) -> i64;
    /// What an answer to the connection's challenge is in full.
    fn answer(&self, answer: &Answer) -> Vec<u8>;
}

/// The frame of a request.
pub(super) fn request(request: &Request, xid: i32, known: &impl Known) -> Vec<u8> {
    let mut body = Vec::new();
    for field in &request.fields {
        write_field(field, known, &mut body);
    }
    if let Some(cut) = request.cut {
        body.truncate(cut);
    }
    body.resize(body.len() + request.extra, 7);
    if let Some(length) = request.length {
        // The number of the request and that of the op are in it, too.
        body.resize(length.saturating_sub(8), 7);
    }
    let mut out = Vec::new();
    raw(&mut out, xid, request.op, |out| out.extend_from_slice(&body));
    out
}

fn write_field(field: &Field, known: &impl Known, out: &mut Vec<u8>) {
    match field {
        Field::Int(value) => out.int(*value),
        Field::Long(value) => out.long(*value),
        Field::Byte(value) => out.push(*value),
        Field::Text(text) => {
            let text = text.as_deref().map(|it| known.named(it));
            out.buffer(text.as_deref());
        }
        Field::Buffer(bytes) => out.buffer(bytes.as_deref()),
        Field::Answer(answer) => out.buffer(Some(&known.answer(answer))),
        Field::Zxid(moment) => out.long(known.zxid(*moment)),
        Field::List(None) => out.int(-1),
        Field::List(Some(list)) => {
            out.count(list.len());
            for field in list.iter().flatten() {
                write_field(field, known, out);
            }
        }
        Field::Bare(list) => {
            for field in list.iter().flatten() {
                write_field(field, known, out);
            }
        }
        Field::Bytes(bytes) => out.extend_from_slice(bytes),
    }
}

/// Puts the history's root in the place of `$`, and the branch of its quotas in that of `~`.
pub(super) fn rooted(text: &[u8], root: &str) -> Vec<u8> {
    match text.split_first() {
        Some((b'$', rest)) => [root.as_bytes(), rest].concat(),
        Some((b'~', rest)) => [b"/zookeeper/quota", root.as_bytes(), rest].concat(),
        _ => text.to_vec(),
    }
}
