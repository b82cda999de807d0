//! A small ZooKeeper client: one connection, one request at a time, raw frames.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use quorate_node::wire::client::op;
use quorate_node::wire::jute::{Malformed, Reader, Writer};

pub(crate) const NO_NODE: i32 = -101;
pub(crate) const EPHEMERAL: i32 = 1;
pub(crate) const PERSISTENT_SEQUENTIAL: i32 = 2;

/// Why there is no answer, or no good one.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection broke: the outcome is not known. Tests show why when they fail.
    Broken(std::io::Error),
    /// The server's error code.
    Code(i32),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Broken(error)
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Failure {
        Failure::Broken(std::io::Error::other(error))
    }
}

/// What a client needs to take its session to another server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    pub(crate) id: i64,
    pub(crate) password: Vec<u8>,
    pub(crate) timeout_ms: i32,
}

/// What a client speaks over.
pub(crate) trait Stream: Read + Write + std::fmt::Debug + Send {}

impl<T: Read + Write + std::fmt::Debug + Send> Stream for T {}

/// A connection that holds a session.
#[derive(Debug)]
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    xid: i32,
    pub(crate) session: Session,
    /// Whether the server says that it is in read-only mode.
    pub(crate) read_only: bool,
    /// Paths of the watch events that came.
    pub(crate) events: Vec<String>,
}

/// Opens a connection without a word.
pub(crate) fn open(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The frame of a handshake.
pub(crate) fn handshake(session: &Session) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.int(0);
    writer.int(0);
    writer.long(0);
    writer.int(session.timeout_ms);
    writer.long(session.id);
    writer.buffer(Some(&session.password));
    writer.bool(false);
    writer.patch_length(0);
    writer.into_inner().to_vec()
}

/// A four-letter word's answer.
pub(crate) fn word(port: u16, word: &str) -> String {
    let mut stream = open(port).expect("connect");
    stream.write_all(word.as_bytes()).expect("send a word");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("read an answer");
    answer
}

impl Client {
    /// A new session, as long as it may be.
    pub(crate) fn connect(port: u16) -> Result<Client, Failure> {
        Client::connect_for(port, 60_000)
    }

    /// A new session of this timeout.
    pub(crate) fn connect_for(port: u16, timeout_ms: i32) -> Result<Client, Failure> {
        let session = Session { id: 0, password: vec![0; 16], timeout_ms };
        Client::attach(port, &session)
    }

    /// Takes a session over. One that is refused comes back with the id 0.
    pub(crate) fn attach(port: u16, session: &Session) -> Result<Client, Failure> {
        Client::over(Box::new(open(port)?), session)
    }

    /// The same, saying that a server in read-only mode will do.
    pub(crate) fn attach_read_only(port: u16, session: &Session) -> Result<Client, Failure> {
        let mut hello = handshake(session);
        if let Some(flag) = hello.last_mut() {
            *flag = 1;
        }
        Client::greet(Box::new(open(port)?), &hello)
    }

    /// Takes a session over on a connection that is made already.
    pub(crate) fn over(stream: Box<dyn Stream>, session: &Session) -> Result<Client, Failure> {
        Client::greet(stream, &handshake(session))
    }

    fn greet(mut stream: Box<dyn Stream>, hello: &[u8]) -> Result<Client, Failure> {
        stream.write_all(hello)?;
        let mut answer = read_frame(&mut stream)?;
        answer.int()?;
        let timeout_ms = answer.int()?;
        let id = answer.long()?;
        let password = answer.buffer()?.unwrap_or_default().to_vec();
        let read_only = answer.bool()?;
        let session = Session { id, password, timeout_ms };
        Ok(Client { stream, xid: 0, session, read_only, events: Vec::new() })
    }

    pub(crate) fn call(
        &mut self,
        op: i32,
        body: impl FnOnce(&mut Writer),
    ) -> Result<Reader, Failure> {
        let mut writer = Writer::new();
        writer.int(0);
        self.xid += 1;
        writer.int(if op == op::PING { -2 } else { self.xid });
        writer.int(op);
        body(&mut writer);
        writer.patch_length(0);
        self.stream.write_all(&writer.into_inner())?;
        loop {
            let mut answer = read_frame(&mut self.stream)?;
            let xid = answer.int()?;
            answer.long()?;
            let code = answer.int()?;
            match (xid, code) {
                (-1, _) => self.take_event(&mut answer)?,
                (_, 0) => return Ok(answer),
                (_, code) => return Err(Failure::Code(code)),
            }
        }
    }

    fn take_event(&mut self, event: &mut Reader) -> Result<(), Failure> {
        event.int()?;
        event.int()?;
        self.events.push(event.ustring()?.unwrap_or_default());
        Ok(())
    }

    pub(crate) fn create(
        &mut self,
        path: &str,
        data: &[u8],
        flags: i32,
    ) -> Result<String, Failure> {
        let mut answer = self.call(op::CREATE, |body| {
            body.ustring(path);
            body.buffer(Some(data));
            body.count(1);
            body.int(31);
            body.ustring("world");
            body.ustring("anyone");
            body.int(flags);
        })?;
        Ok(answer.ustring()?.unwrap_or_default())
    }

    /// All of them or none, as one multi, with no data.
    pub(crate) fn create_all(&mut self, paths: &[String], flags: i32) -> Result<(), Failure> {
        let header = |body: &mut Writer, op: i32, done: bool| {
            body.int(op);
            body.bool(done);
            body.int(-1);
        };
        let mut answer = self.call(op::MULTI, |body| {
            for path in paths {
                header(body, op::CREATE, false);
                body.ustring(path);
                body.buffer(None);
                body.count(1);
                body.int(31);
                body.ustring("world");
                body.ustring("anyone");
                body.int(flags);
            }
            header(body, -1, true);
        })?;
        // A failure is told op by op in an answer that is itself none.
        match answer.int()? {
            -1 => Err(Failure::Code(-1)),
            _ => Ok(()),
        }
    }

    /// A container, with no data.
    pub(crate) fn create_container(&mut self, path: &str) -> Result<(), Failure> {
        self.create_mortal(op::CREATE_CONTAINER, path, 4, None)
    }

    /// A znode that ends after so many milliseconds without a change, with no data.
    pub(crate) fn create_ttl(&mut self, path: &str, ttl_ms: i64) -> Result<(), Failure> {
        self.create_mortal(op::CREATE_TTL, path, 5, Some(ttl_ms))
    }

    fn create_mortal(
        &mut self,
        op: i32,
        path: &str,
        flags: i32,
        ttl_ms: Option<i64>,
    ) -> Result<(), Failure> {
        let answer = self.call(op, |body| {
            body.ustring(path);
            body.buffer(None);
            body.count(1);
            body.int(31);
            body.ustring("world");
            body.ustring("anyone");
            body.int(flags);
            if let Some(ttl_ms) = ttl_ms {
                body.long(ttl_ms);
            }
        });
        answer.map(drop)
    }

    /// Whatever version it has.
    pub(crate) fn delete(&mut self, path: &str) -> Result<(), Failure> {
        let answer = self.call(op::DELETE, |body| {
            body.ustring(path);
            body.int(-1);
        });
        answer.map(drop)
    }

    pub(crate) fn set(&mut self, path: &str, data: &[u8]) -> Result<(), Failure> {
        let answer = self.call(op::SET_DATA, |body| {
            body.ustring(path);
            body.buffer(Some(data));
            body.int(-1);
        });
        answer.map(drop)
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        let mut answer = self.call(op::GET_DATA, |body| {
            body.ustring(path);
            body.bool(false);
        })?;
        Ok(answer.buffer()?.unwrap_or_default())
    }

    /// The same, and leaves a watch.
    pub(crate) fn get_watching(&mut self, path: &str) -> Result<Bytes, Failure> {
        let mut answer = self.call(op::GET_DATA, |body| {
            body.ustring(path);
            body.bool(true);
        })?;
        Ok(answer.buffer()?.unwrap_or_default())
    }

    /// Whether it is there; a watch is left if asked for.
    pub(crate) fn exists(&mut self, path: &str, watch: bool) -> Result<bool, Failure> {
        let answer = self.call(op::EXISTS, |body| {
            body.ustring(path);
            body.bool(watch);
        });
        match answer {
            Ok(_) => Ok(true),
            Err(Failure::Code(NO_NODE)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) fn children(&mut self, path: &str) -> Result<Vec<String>, Failure> {
        let mut answer = self.call(op::GET_CHILDREN, |body| {
            body.ustring(path);
            body.bool(false);
        })?;
        let names = answer.vector(|names| Ok(names.ustring()?.unwrap_or_default()))?;
        Ok(names.unwrap_or_default())
    }

    /// Waits until this server has applied all that any server had acknowledged.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        self.call(op::SYNC, |body| body.ustring("/")).map(drop)
    }

    pub(crate) fn ping(&mut self) -> Result<(), Failure> {
        self.call(op::PING, |_| {}).map(drop)
    }

    /// The configuration that comes of it, and its Stat's mzxid and version.
    pub(crate) fn reconfig(
        &mut self,
        joining: Option<&str>,
        leaving: Option<&str>,
        members: Option<&str>,
        version: i64,
    ) -> Result<(String, i64, i32), Failure> {
        let answer = self.call(op::RECONFIG, |body| {
            for list in [joining, leaving, members] {
                body.buffer(list.map(str::as_bytes));
            }
            body.long(version);
        })?;
        shown(answer)
    }

    /// `/zookeeper/config` likewise, and leaves a watch.
    pub(crate) fn config(&mut self) -> Result<(String, i64, i32), Failure> {
        let answer = self.call(op::GET_DATA, |body| {
            body.ustring("/zookeeper/config");
            body.bool(true);
        })?;
        shown(answer)
    }

    /// Ends the session.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        self.call(op::CLOSE, |_| {}).map(drop)
    }
}

/// Data, and of its Stat mzxid and version.
fn shown(mut answer: Reader) -> Result<(String, i64, i32), Failure> {
    let data = answer.buffer()?.unwrap_or_default();
    answer.long()?;
    let mzxid = answer.long()?;
    answer.long()?;
    answer.long()?;
    let version = answer.int()?;
    Ok((String::from_utf8_lossy(&data).into_owned(), mzxid, version))
}

fn read_frame(stream: &mut impl Read) -> std::io::Result<Reader> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(Reader::new(frame.into()))
}
