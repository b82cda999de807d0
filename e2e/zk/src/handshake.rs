//! The first frame each way: a session is asked for, or taken on, and granted.

use crate::frame;
use crate::jute::{Jute, Malformed, Reader};

/// What a client keeps of its session, to go on with it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// 0: none yet.
    pub id: i64,
    /// Proves that the session is the client's.
    pub password: Vec<u8>,
}

/// None: a new one is asked for with it.
impl Default for Session {
    fn default() -> Self {
        Session { id: 0, password: vec![0; 16] }
    }
}

/// What a client says first. Source: `ConnectRequest` in `zookeeper.jute`.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The highest zxid that the client has seen: no server that is behind may take it.
    pub last_zxid: i64,
    /// The session's timeout that is asked for.
    pub timeout_ms: i32,
    /// 0 for a new session.
    pub session: i64,
    /// Sixteen bytes, unless a test wants something else.
    pub password: Option<&'a [u8]>,
    /// 1 if a server in read-only mode will do; `None` as clients of 3.4 have it, without the byte.
    pub read_only: Option<u8>,
}

impl<'a> Handshake<'a> {
    /// To begin a session, or to go on with one.
    pub fn of(session: &'a Session, timeout_ms: i32) -> Self {
        Handshake {
            last_zxid: 0,
            timeout_ms,
            session: session.id,
            password: Some(&session.password),
            read_only: Some(0),
        }
    }

    /// Appends its frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        frame::put(out, |out| {
            // The protocol's version.
            out.int(0);
            out.long(self.last_zxid);
            out.int(self.timeout_ms);
            out.long(self.session);
            out.buffer(self.password);
            out.extend(self.read_only);
        });
    }
}

/// What a server answers to a handshake. Source: `ConnectResponse`.
#[derive(Clone, Copy, Debug)]
pub struct Granted<'a> {
    /// The protocol's version.
    pub protocol: i32,
    /// The session's timeout.
    pub timeout_ms: i32,
    /// 0: refused.
    pub session: i64,
    /// Proves that the session is the client's.
    pub password: Option<&'a [u8]>,
    /// The last byte: 1 if the server is in read-only mode.
    pub rest: &'a [u8],
}

impl<'a> Granted<'a> {
    /// Reads a frame's body.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(frame);
        Ok(Granted {
            protocol: reader.int()?,
            timeout_ms: reader.int()?,
            session: reader.long()?,
            password: reader.buffer()?,
            rest: reader.rest(),
        })
    }

    /// Whether the server is in read-only mode.
    pub fn is_read_only(&self) -> bool {
        self.rest.first().is_some_and(|it| *it != 0)
    }

    /// The session, unless it is refused.
    pub fn session(&self) -> Option<Session> {
        let password = self.password.unwrap_or_default().to_vec();
        (self.session != 0).then_some(Session { id: self.session, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_as_zookeepers_client_sends_it() {
        let session = Session { id: 0x0102_0304_0506_0708, password: vec![9; 16] };
        let mut bytes = Vec::new();
        Handshake { last_zxid: 3, ..Handshake::of(&session, 10_000) }.encode(&mut bytes);
        let expected = [
            &[0, 0, 0, 45][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0, 3],
            &[0, 0, 0x27, 0x10],
            &[1, 2, 3, 4, 5, 6, 7, 8],
            &[0, 0, 0, 16],
            &[9; 16],
            &[0],
        ];
        assert_eq!(bytes, expected.concat());
        bytes.clear();
        Handshake { password: None, read_only: None, ..Handshake::of(&session, 1) }
            .encode(&mut bytes);
        assert_eq!((bytes.len(), bytes.ends_with(&[0xFF; 4])), (32, true));
    }

    #[test]
    fn what_is_granted_is_told_from_what_is_refused() {
        let answer = |id: i64, tail: &[u8]| {
            let mut bytes = Vec::new();
            bytes.int(0);
            bytes.int(4_000);
            bytes.long(id);
            bytes.buffer(Some(&[7; 16]));
            bytes.extend_from_slice(tail);
            bytes
        };
        let bytes = answer(5, &[1]);
        let granted = Granted::parse(&bytes).expect("an answer");
        assert_eq!((granted.protocol, granted.timeout_ms), (0, 4_000));
        assert_eq!(granted.session(), Some(Session { id: 5, password: vec![7; 16] }));
        assert!(granted.is_read_only());
        let bytes = answer(0, &[]);
        let refused = Granted::parse(&bytes).expect("an answer");
        assert_eq!((refused.session(), refused.is_read_only()), (None, false));
        assert_eq!(Granted::parse(&bytes[..20]).err(), Some(Malformed::Short));
    }
}
