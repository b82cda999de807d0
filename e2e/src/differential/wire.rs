//! Frames and jute by hand, so that odd requests can be sent and answers read byte by byte.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::history::{Field, Moment, Request};
use super::sasl::Answer;

/// How long any answer may take before a server counts as silent.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer answers than this are not expected.
const FRAME_MAX: usize = 16 << 20;
/// Longer texts are held against each other by their hashes.
const SHOWN: usize = 1_000;

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
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| framed(frame)).collect();
        self.say(&bytes).await;
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
        let mut length = [0; 4];
        self.0.read_exact(&mut length).await?;
        let length = usize::try_from(i32::from_be_bytes(length))?;
        if length > FRAME_MAX {
            bail!("a frame of {length} bytes");
        }
        let mut frame = vec![0; length];
        self.0.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

/// A frame behind its length.
pub(super) fn framed(frame: &[u8]) -> Vec<u8> {
    let length = i32::try_from(frame.len()).unwrap_or(i32::MAX);
    [&length.to_be_bytes(), frame].concat()
}

/// Writes a record.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn int(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn long(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn buffer(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.int(-1),
            Some(bytes) => {
                self.int(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
                self.0.extend_from_slice(bytes);
            }
        }
    }
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
    let mut body = Writer::default();
    for field in &request.fields {
        write_field(field, known, &mut body);
    }
    let mut body = body.0;
    if let Some(cut) = request.cut {
        body.truncate(cut);
    }
    body.resize(body.len() + request.extra, 7);
    let mut frame = Writer::default();
    frame.int(xid);
    frame.int(request.op);
    frame.0.extend_from_slice(&body);
    if let Some(length) = request.length {
        frame.0.resize(length, 7);
    }
    frame.0
}

fn write_field(field: &Field, known: &impl Known, out: &mut Writer) {
    match field {
        Field::Int(value) => out.int(*value),
        Field::Long(value) => out.long(*value),
        Field::Byte(value) => out.0.push(*value),
        Field::Text(text) => {
            let text = text.as_deref().map(|it| known.named(it));
            out.buffer(text.as_deref());
        }
        Field::Buffer(bytes) => out.buffer(bytes.as_deref()),
        Field::Answer(answer) => out.buffer(Some(&known.answer(answer))),
        Field::Zxid(moment) => out.long(known.zxid(*moment)),
        Field::List(None) => out.int(-1),
        Field::List(Some(list)) => {
            out.int(i32::try_from(list.len()).unwrap_or(i32::MAX));
            for field in list.iter().flatten() {
                write_field(field, known, out);
            }
        }
        Field::Bare(list) => {
            for field in list.iter().flatten() {
                write_field(field, known, out);
            }
        }
        Field::Bytes(bytes) => out.0.extend_from_slice(bytes),
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

/// Reads a record.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).context("it ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    pub(super) fn int(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take(4)?.try_into()?))
    }

    pub(super) fn long(&mut self) -> Result<i64> {
        Ok(i64::from_be_bytes(self.take(8)?.try_into()?))
    }

    pub(super) fn buffer(&mut self) -> Result<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Ok(None),
            n => self.take(usize::try_from(n)?).map(Some),
        }
    }

    /// A text, as it is printed.
    pub(super) fn text(&mut self) -> Result<String> {
        let bytes = self.buffer()?;
        Ok(match bytes {
            None => "null".to_owned(),
            Some(bytes) if bytes.len() > SHOWN => {
                let mut hash = DefaultHasher::new();
                bytes.hash(&mut hash);
                format!("{} bytes of hash {:x}", bytes.len(), hash.finish())
            }
            Some(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        })
    }

    pub(super) fn texts(&mut self) -> Result<Vec<String>> {
        let count = self.int()?;
        (0..count).map(|_| self.text()).collect()
    }
}
