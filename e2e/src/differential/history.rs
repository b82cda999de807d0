//! Histories as plain data: what each client does, step by step. What only a server can know
//! (zxids, session ids, passwords) is named by the step that made it known.

use std::fmt;

use super::sasl::Answer;

/// A step's own number, which it keeps when others are taken out.
pub(super) type StepId = u32;

/// Steps, one after the other: each is answered in full before the next begins.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) seed: u64,
    pub(super) steps: Vec<Step>,
}

/// What one client does.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) id: StepId,
    /// Which client; each has one connection at most.
    pub(super) client: usize,
    pub(super) action: Action,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Opens a connection. One that the client has already is left open on the server's side of
    /// it, or cut first.
    Connect(Handshake),
    /// Requests without waiting for answers between them.
    Send(Vec<Request>),
    /// Cuts the connection without a word.
    Cut,
    /// Bytes that are no request on the client's connection, which is cut then, or closed by the
    /// server.
    Raw { bytes: Vec<u8>, cut: bool },
    /// What a connection of nobody says first, and hears until it is closed.
    Stranger(Vec<u8>),
    /// Cuts the connection and waits until its session has ended by itself: until another client
    /// finds that this path is gone.
    Expire { witness: usize, path: Vec<u8> },
}

/// The first frame.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    pub(super) session: Session,
    pub(super) password: Password,
    pub(super) timeout_ms: i32,
    pub(super) last_seen: Moment,
    /// `None` as clients of 3.4 and of Go send it.
    pub(super) read_only: Option<u8>,
    /// The number of the member it is said to; `None`: here and there.
    pub(super) member: Option<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Session {
    New,
    /// The one that this step opened.
    Of(StepId),
    /// One that no server knows.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Password {
    Right,
    Wrong,
    Null,
    Short,
}

/// A zxid.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    Zero,
    /// The highest that was known after a step.
    After(StepId),
    Never,
    /// The version of the configuration that was seen last.
    Configured,
}

/// One request, as bytes to be.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) op: i32,
    pub(super) fields: Vec<Field>,
    /// How many bytes are left of the body, if not all.
    pub(super) cut: Option<usize>,
    /// How many bytes follow that do not belong to it.
    pub(super) extra: usize,
    /// How long the whole frame is made, by what does not belong to it.
    pub(super) length: Option<usize>,
    /// An xid that means something.
    pub(super) xid: Option<i32>,
}

/// A part of a body. In texts, a leading `$` stands for the history's own root znode,
/// and `~` for where its quotas are; what stands for a member's ports see in `places.rs`.
#[derive(Clone)]
pub(super) enum Field {
    Int(i32),
    Long(i64),
    Byte(u8),
    Text(Option<Vec<u8>>),
    Buffer(Option<Vec<u8>>),
    /// A buffer with what a client makes of the challenge that its connection got last.
    Answer(Box<Answer>),
    Zxid(Moment),
    List(Option<Vec<Vec<Field>>>),
    /// The elements of a list without their count.
    Bare(Vec<Vec<Field>>),
    /// As they are.
    Bytes(Vec<u8>),
}

/// Longer bytes are not printed.
const SHOWN: usize = 200;

impl Field {
    pub(super) fn text(text: &str) -> Self {
        Field::Text(Some(text.as_bytes().to_vec()))
    }
}

impl Request {
    pub(super) fn new(op: i32, fields: Vec<Field>) -> Self {
        Request { op, fields, cut: None, extra: 0, length: None, xid: None }
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Int(value) => write!(f, "{value}"),
            Field::Long(value) => write!(f, "{value}L"),
            Field::Byte(value) => write!(f, "{value}b"),
            Field::Text(None) => write!(f, "null"),
            Field::Buffer(None) => write!(f, "null"),
            Field::Text(Some(bytes)) | Field::Buffer(Some(bytes)) if bytes.len() > SHOWN => {
                let first = bytes.first().copied().unwrap_or_default();
                write!(f, "{} bytes {first:#x}", bytes.len())
            }
            Field::Text(Some(bytes)) => write!(f, "\"{}\"", bytes.escape_ascii()),
            Field::Buffer(Some(bytes)) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Field::Answer(answer) => write!(f, "{answer:?}"),
            Field::Zxid(moment) => write!(f, "zxid {moment:?}"),
            Field::List(None) => write!(f, "null"),
            Field::List(Some(list)) => f.debug_list().entries(list).finish(),
            Field::Bare(list) => write!(f, "bare {list:?}"),
            Field::Bytes(bytes) => write!(f, "bytes {}", bytes.escape_ascii()),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", super::ops::name(self.op), self.fields)?;
        if let Some(cut) = self.cut {
            write!(f, " cut to {cut}")?;
        }
        if self.extra > 0 {
            write!(f, " and {} bytes", self.extra)?;
        }
        if let Some(length) = self.length {
            write!(f, " in a frame of {length} bytes")?;
        }
        if let Some(xid) = self.xid {
            write!(f, " xid {xid}")?;
        }
        Ok(())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "  {}: client {} {:?}", step.id, step.client, step.action)?;
        }
        Ok(())
    }
}
