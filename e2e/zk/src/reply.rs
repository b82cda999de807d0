//! What a server sends: answers to requests, in their order, and events between them.

use crate::code::Code;
use crate::jute::{Malformed, Reader};
use crate::op;
use crate::request::xid;

/// A frame's head, and what is behind it.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The request's, or [`xid::EVENT`].
    pub xid: i32,
    /// Of the write, or the last that the server knows of.
    pub zxid: i64,
    /// Why the request did not succeed, if it did not: then there is no body but of SASL.
    pub error: Option<Code>,
    /// What the operation's answer holds.
    pub body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads a frame's body.
    ///
    /// # Errors
    /// If it is too short to be any.
    #[inline]
    pub fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        let (xid, zxid, error) = (reader.int()?, reader.long()?, Code::of(reader.int()?));
        Ok(Reply { xid, zxid, error, body: reader.rest() })
    }

    /// Whether it is the event of a watch, and no answer.
    pub fn is_event(&self) -> bool {
        self.xid == xid::EVENT
    }
}

/// What a watch tells. Source: `WatcherEvent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// As `Watcher.Event.EventType` numbers them: created 1, deleted 2, changed 3, its children 4.
    pub kind: i32,
    /// As `Watcher.Event.KeeperState` numbers them.
    pub state: i32,
    /// Of the znode.
    pub path: String,
}

impl Event {
    /// Reads the body of a reply that is one.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (kind, state) = (reader.int()?, reader.int()?);
        Ok(Event { kind, state, path: reader.text()?.to_owned() })
    }
}

/// What is known of a znode, beside its data: times in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in zookeeper.jute")]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

impl Stat {
    /// Takes it off the front.
    ///
    /// # Errors
    /// If it is not all there.
    #[inline]
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Stat {
            czxid: reader.long()?,
            mzxid: reader.long()?,
            ctime: reader.long()?,
            mtime: reader.long()?,
            version: reader.int()?,
            cversion: reader.int()?,
            aversion: reader.int()?,
            ephemeral_owner: reader.long()?,
            data_length: reader.int()?,
            num_children: reader.int()?,
            pzxid: reader.long()?,
        })
    }
}

/// The answer to `setData`, `exists` and `setACL`.
///
/// # Errors
/// If it is none.
#[inline]
pub fn stat(body: &[u8]) -> Result<Stat, Malformed> {
    Stat::read(&mut Reader::new(body))
}

/// The answer to `getData` and `reconfig`; null data are none.
///
/// # Errors
/// If it is none.
#[inline]
pub fn data(body: &[u8]) -> Result<(&[u8], Stat), Malformed> {
    let mut reader = Reader::new(body);
    Ok((reader.buffer()?.unwrap_or_default(), Stat::read(&mut reader)?))
}

/// The answer to `create` and `sync`.
///
/// # Errors
/// If it is none.
pub fn path(body: &[u8]) -> Result<&str, Malformed> {
    Reader::new(body).text()
}

/// What became of a part of a multi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A znode of this path was created.
    Created(&'a str),
    /// A znode's data were set.
    Set(Stat),
    /// A version was as it should be, or a znode was deleted.
    Done,
    /// It failed, or was not tried because another failed: then all failed.
    Failed(Code),
}

/// What is left of the answer to a multi; nothing behind its end.
struct Parts<'a>(Option<Reader<'a>>);

/// The answer to a multi, part by part.
#[inline]
pub fn parts(body: &[u8]) -> impl Iterator<Item = Result<Part<'_>, Malformed>> {
    Parts(Some(Reader::new(body)))
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Behind the end, and behind what cannot be read, is nothing.
        let mut reader = self.0.take()?;
        let kind = match head(&mut reader) {
            Ok(kind) => kind?,
            Err(malformed) => return Some(Err(malformed)),
        };
        let part = part(kind, &mut reader);
        if part.is_ok() {
            self.0 = Some(reader);
        }
        Some(part)
    }
}

/// The kind of the next part; none at the end.
#[inline]
fn head(reader: &mut Reader<'_>) -> Result<Option<i32>, Malformed> {
    let (kind, done, _) = (reader.int()?, reader.bool()?, reader.int()?);
    Ok((!done).then_some(kind))
}

#[inline]
fn part<'a>(kind: i32, reader: &mut Reader<'a>) -> Result<Part<'a>, Malformed> {
    Ok(match kind {
        op::CREATE => Part::Created(reader.text()?),
        op::SET_DATA => Part::Set(Stat::read(reader)?),
        op::CHECK | op::DELETE => Part::Done,
        -1 => match Code::of(reader.int()?) {
            // Tried before the one that failed, and taken back.
            None => Part::Failed(Code::RuntimeInconsistency),
            Some(code) => Part::Failed(code),
        },
        other => return Err(Malformed::Part(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Jute;

    const STAT: Stat = Stat {
        czxid: 1,
        mzxid: 2,
        ctime: 3,
        mtime: 4,
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: 8,
        data_length: 9,
        num_children: 10,
        pzxid: 11,
    };

    fn put_stat(out: &mut Vec<u8>) {
        (1..=4).for_each(|it| out.long(it));
        (5..=7).for_each(|it| out.int(it));
        out.long(8);
        (9..=10).for_each(|it| out.int(it));
        out.long(11);
    }

    #[test]
    fn a_head_tells_answers_failures_and_events_apart() {
        let frame = |xid: i32, error: i32| {
            let mut out = Vec::new();
            out.int(xid);
            out.long(5);
            out.int(error);
            out.int(3);
            out.int(3);
            out.text("/a");
            out
        };
        let (good, bad, event) = (frame(1, 0), frame(2, -101), frame(-1, 0));
        let reply = Reply::parse(&good).expect("a reply");
        assert_eq!((reply.xid, reply.zxid, reply.error, reply.is_event()), (1, 5, None, false));
        assert_eq!(Reply::parse(&bad).expect("a reply").error, Some(Code::NoNode));
        let reply = Reply::parse(&event).expect("a reply");
        assert!(reply.is_event());
        let told = Event { kind: 3, state: 3, path: "/a".to_owned() };
        assert_eq!(Event::parse(reply.body), Ok(told));
        assert_eq!(Reply::parse(&good[..15]).err(), Some(Malformed::Short));
    }

    #[test]
    fn a_stat_is_read_field_by_field() {
        let mut body = Vec::new();
        body.buffer(Some(b"x"));
        put_stat(&mut body);
        assert_eq!(body.len(), 5 + 68);
        assert_eq!(data(&body), Ok((b"x".as_slice(), STAT)));
        assert_eq!(stat(&body[5..]), Ok(STAT));
        assert_eq!(stat(&body[6..]), Err(Malformed::Short));
    }

    #[test]
    fn a_multi_tells_what_became_of_each_part() {
        let head = |out: &mut Vec<u8>, op: i32, done: bool| {
            out.int(op);
            out.bool(done);
            out.int(0);
        };
        let mut body = Vec::new();
        head(&mut body, op::CHECK, false);
        head(&mut body, op::CREATE, false);
        body.text("/a");
        head(&mut body, op::SET_DATA, false);
        put_stat(&mut body);
        head(&mut body, -1, true);
        let all: Result<Vec<Part<'_>>, Malformed> = parts(&body).collect();
        assert_eq!(all, Ok(vec![Part::Done, Part::Created("/a"), Part::Set(STAT)]));
        body.truncate(body.len() - 1);
        assert!(parts(&body).any(|it| it == Err(Malformed::Short)));

        let mut unknown = Vec::new();
        head(&mut unknown, 77, false);
        head(&mut unknown, op::CHECK, false);
        let all: Vec<_> = parts(&unknown).collect();
        assert_eq!(all, [Err(Malformed::Part(77))], "nothing behind it has a meaning");

        let mut failed = Vec::new();
        for code in [0, -101] {
            head(&mut failed, -1, false);
            failed.int(code);
        }
        head(&mut failed, -1, true);
        let all: Vec<_> = parts(&failed).collect();
        let codes = [Code::RuntimeInconsistency, Code::NoNode];
        assert_eq!(all, codes.map(|code| Ok(Part::Failed(code))));
    }
}
