//! A connection that waits for each answer.

use std::fmt;
use std::io::{self, Read, Write};

use crate::code::Code;
use crate::frame;
use crate::handshake::{Granted, Handshake, Session};
use crate::jute::Malformed;
use crate::reply::{Event, Reply};
use crate::request::{Request, xid};

/// Why there is no answer, or no good one.
#[derive(Debug)]
pub enum Failure {
    /// The connection broke, or says what is no answer: what became of the request is not known.
    Broken(io::Error),
    /// What the server answers.
    Code(Code),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Broken(error) => write!(f, "the connection broke: {error}"),
            Failure::Code(code) => code.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Broken(error)
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Failure::Broken(io::Error::other(error))
    }
}

/// A stream with a session on it, if one was granted.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    xid: i32,
    out: Vec<u8>,
    /// What was granted; an id of 0 if it was refused.
    pub session: Session,
    /// The session's timeout.
    pub timeout_ms: i32,
    /// Whether the server says that it is in read-only mode.
    pub read_only: bool,
    /// Events that came between the answers, in their order.
    pub events: Vec<Event>,
}

impl<S: Read + Write> Connection<S> {
    /// Says the first word, and waits for the answer.
    ///
    /// # Errors
    /// If there is none.
    pub fn open(mut stream: S, handshake: &Handshake<'_>) -> Result<Self, Failure> {
        let mut out = Vec::new();
        handshake.encode(&mut out);
        stream.write_all(&out)?;
        let answer = frame::read(&mut stream)?;
        let granted = Granted::parse(&answer)?;
        let password = granted.password.unwrap_or_default().to_vec();
        Ok(Connection {
            xid: 0,
            out,
            session: Session { id: granted.session, password },
            timeout_ms: granted.timeout_ms,
            read_only: granted.is_read_only(),
            events: Vec::new(),
            stream,
        })
    }

    /// Asks, and waits for the answer's body.
    ///
    /// # Errors
    /// If there is none, or it is an error.
    pub fn call(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Failure> {
        self.send(|xid, out| request.encode(xid, out), matches!(request, Request::Ping))
    }

    /// The same of a request that is written by hand, which gets its number.
    ///
    /// # Errors
    /// If there is none, or it is an error.
    pub fn call_raw(
        &mut self,
        request: impl FnOnce(i32, &mut Vec<u8>),
    ) -> Result<Vec<u8>, Failure> {
        self.send(request, false)
    }

    fn send(
        &mut self,
        request: impl FnOnce(i32, &mut Vec<u8>),
        ping: bool,
    ) -> Result<Vec<u8>, Failure> {
        self.xid += 1;
        let xid = if ping { xid::PING } else { self.xid };
        self.out.clear();
        request(xid, &mut self.out);
        self.stream.write_all(&self.out)?;
        loop {
            let answer = frame::read(&mut self.stream)?;
            let reply = Reply::parse(&answer)?;
            if reply.is_event() {
                self.events.push(Event::parse(reply.body)?);
                continue;
            }
            if reply.xid != xid {
                let text = format!("request {xid} is answered as {}", reply.xid);
                return Err(Failure::Broken(io::Error::other(text)));
            }
            return match reply.error {
                None => Ok(reply.body.to_vec()),
                Some(code) => Err(Failure::Code(code)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Jute;

    /// Says what it was told to say, whatever it hears.
    struct Server {
        says: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Server {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.says.read(into)
        }
    }

    impl Write for Server {
        fn write(&mut self, from: &[u8]) -> io::Result<usize> {
            self.heard.write(from)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reply(out: &mut Vec<u8>, xid: i32, error: i32, body: impl FnOnce(&mut Vec<u8>)) {
        frame::put(out, |out| {
            out.int(xid);
            out.long(1);
            out.int(error);
            body(out);
        });
    }

    /// A connection to one that grants session 5 and then says this.
    fn to(says: impl FnOnce(&mut Vec<u8>)) -> Connection<Server> {
        let mut out = Vec::new();
        frame::put(&mut out, |out| {
            out.int(0);
            out.int(4_000);
            out.long(5);
            out.buffer(Some(&[7; 16]));
            out.bool(false);
        });
        says(&mut out);
        let server = Server { says: io::Cursor::new(out), heard: Vec::new() };
        let session = Session::default();
        Connection::open(server, &Handshake::of(&session, 4_000)).expect("connect")
    }

    #[test]
    fn answers_errors_and_events_go_where_they_belong() {
        let mut connection = to(|out| {
            reply(out, 1, 0, |out| out.text("/"));
            reply(out, -1, 0, |out| {
                out.int(3);
                out.int(3);
                out.text("/a");
            });
            reply(out, -2, 0, |_| {});
            reply(out, 3, -101, |_| {});
        });
        assert_eq!((connection.session.id, connection.timeout_ms), (5, 4_000));
        let body = connection.call(&Request::Sync { path: "/" }).expect("an answer");
        assert_eq!(crate::path(&body), Ok("/"));
        assert!(connection.call(&Request::Ping).expect("an answer").is_empty());
        let told = Event { kind: 3, state: 3, path: "/a".to_owned() };
        assert_eq!(connection.events, [told]);
        let refused = connection.call(&Request::GetData { path: "/b", watch: false });
        assert!(matches!(refused, Err(Failure::Code(Code::NoNode))), "{refused:?}");
        let gone = connection.call(&Request::Ping);
        assert!(matches!(gone, Err(Failure::Broken(_))), "{gone:?}");
    }

    #[test]
    fn an_answer_to_another_request_is_none() {
        let mut connection = to(|out| reply(out, 2, 0, |_| {}));
        let wrong = connection.call(&Request::Sync { path: "/" });
        assert!(matches!(wrong, Err(Failure::Broken(_))), "{wrong:?}");
    }
}
