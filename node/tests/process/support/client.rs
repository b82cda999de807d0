//! A small ZooKeeper client: one connection, one request at a time. Its codec is the one of
//! `quorate_zk`, which knows nothing of the server's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use quorate_zk::{Acl, Code, Connection, Handshake, OPEN, Part, Request, multi, parts};

pub(crate) use quorate_zk::Failure;
pub(crate) use quorate_zk::flags::{EPHEMERAL, PERSISTENT_SEQUENTIAL};

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
    connection: Connection<Box<dyn Stream>>,
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

impl Session {
    /// What a client says first, to have it.
    fn hello(&self) -> Handshake<'_> {
        Handshake {
            last_zxid: 0,
            timeout_ms: self.timeout_ms,
            session: self.id,
            password: Some(&self.password),
            read_only: Some(0),
        }
    }
}

/// The frame of a handshake.
pub(crate) fn handshake(session: &Session) -> Vec<u8> {
    let mut out = Vec::new();
    session.hello().encode(&mut out);
    out
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
        let hello = Handshake { read_only: Some(1), ..session.hello() };
        Client::greet(Box::new(open(port)?), &hello)
    }

    /// Takes a session over on a connection that is made already.
    pub(crate) fn over(stream: Box<dyn Stream>, session: &Session) -> Result<Client, Failure> {
        Client::greet(stream, &session.hello())
    }

    fn greet(stream: Box<dyn Stream>, hello: &Handshake<'_>) -> Result<Client, Failure> {
        let connection = Connection::open(stream, hello)?;
        let quorate_zk::Session { id, password } = connection.session.clone();
        let session = Session { id, password, timeout_ms: connection.timeout_ms };
        let read_only = connection.read_only;
        Ok(Client { connection, session, read_only, events: Vec::new() })
    }

    /// Asks, and gives the answer's body.
    pub(crate) fn call(&mut self, request: &Request<'_>) -> Result<Vec<u8>, Failure> {
        let answer = self.connection.call(request);
        self.take_events();
        answer
    }

    fn take_events(&mut self) {
        self.events.extend(self.connection.events.drain(..).map(|event| event.path));
    }

    fn tell(&mut self, request: &Request<'_>) -> Result<(), Failure> {
        self.call(request).map(drop)
    }

    pub(crate) fn create(
        &mut self,
        path: &str,
        data: &[u8],
        flags: i32,
    ) -> Result<String, Failure> {
        let request = Request::Create { path, data: Some(data), acl: OPEN, flags };
        Ok(quorate_zk::path(&self.call(&request)?)?.to_owned())
    }

    /// A znode that only this id may use.
    pub(crate) fn create_for(&mut self, path: &str, scheme: &str, id: &str) -> Result<(), Failure> {
        let acl = &[Acl { perms: 31, scheme, id }];
        self.tell(&Request::Create { path, data: Some(b"x"), acl, flags: 0 })
    }

    /// All of them or none, as one multi, with no data.
    pub(crate) fn create_all(&mut self, paths: &[String], flags: i32) -> Result<(), Failure> {
        let creates =
            paths.iter().map(|path| Request::Create { path, data: None, acl: OPEN, flags });
        let answer = self.connection.call_raw(|xid, out| multi(out, xid, creates));
        self.take_events();
        let answer = answer?;
        // A failure is told part by part: that of one, and of the others that they were not tried.
        let mut failed = None;
        for part in parts(&answer) {
            match part? {
                Part::Failed(Code::RuntimeInconsistency) => {
                    failed.get_or_insert(Code::RuntimeInconsistency);
                }
                Part::Failed(code) => failed = Some(code),
                Part::Created(_) | Part::Set(_) | Part::Done => {}
            }
        }
        failed.map_or(Ok(()), |code| Err(Failure::Code(code)))
    }

    /// A container, with no data.
    pub(crate) fn create_container(&mut self, path: &str) -> Result<(), Failure> {
        self.tell(&Request::CreateContainer { path, data: None, acl: OPEN })
    }

    /// A znode that ends after so many milliseconds without a change, with no data.
    pub(crate) fn create_ttl(&mut self, path: &str, ttl_ms: i64) -> Result<(), Failure> {
        self.tell(&Request::CreateTtl { path, data: None, acl: OPEN, ttl_ms })
    }

    /// Whatever version it has.
    pub(crate) fn delete(&mut self, path: &str) -> Result<(), Failure> {
        self.tell(&Request::Delete { path, version: -1 })
    }

    pub(crate) fn set(&mut self, path: &str, data: &[u8]) -> Result<(), Failure> {
        self.tell(&Request::SetData { path, data: Some(data), version: -1 })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        self.read(path, false)
    }

    /// The same, and leaves a watch.
    pub(crate) fn get_watching(&mut self, path: &str) -> Result<Bytes, Failure> {
        self.read(path, true)
    }

    fn read(&mut self, path: &str, watch: bool) -> Result<Bytes, Failure> {
        let answer = self.call(&Request::GetData { path, watch })?;
        Ok(Bytes::copy_from_slice(quorate_zk::data(&answer)?.0))
    }

    /// Whether it is there; a watch is left if asked for.
    pub(crate) fn exists(&mut self, path: &str, watch: bool) -> Result<bool, Failure> {
        match self.call(&Request::Exists { path, watch }) {
            Ok(_) => Ok(true),
            Err(Failure::Code(Code::NoNode)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) fn stat(&mut self, path: &str) -> Result<quorate_zk::Stat, Failure> {
        Ok(quorate_zk::stat(&self.call(&Request::Exists { path, watch: false })?)?)
    }

    pub(crate) fn children(&mut self, path: &str) -> Result<Vec<String>, Failure> {
        let answer = self.call(&Request::GetChildren { path, watch: false })?;
        let names = quorate_zk::Reader::new(&answer).texts()?;
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Waits until this server has applied all that any server had acknowledged.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        self.tell(&Request::Sync { path: "/" })
    }

    pub(crate) fn ping(&mut self) -> Result<(), Failure> {
        self.tell(&Request::Ping)
    }

    /// The configuration that comes of it, and its Stat's mzxid and version.
    pub(crate) fn reconfig(
        &mut self,
        joining: Option<&str>,
        leaving: Option<&str>,
        members: Option<&str>,
        version: i64,
    ) -> Result<(String, i64, i32), Failure> {
        shown(&self.call(&Request::Reconfig { joining, leaving, members, version })?)
    }

    /// `/zookeeper/config` likewise, and leaves a watch.
    pub(crate) fn config(&mut self) -> Result<(String, i64, i32), Failure> {
        shown(&self.call(&Request::GetData { path: "/zookeeper/config", watch: true })?)
    }

    /// Ends the session.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        self.tell(&Request::Close)
    }
}

/// Data, and of its Stat mzxid and version.
fn shown(answer: &[u8]) -> Result<(String, i64, i32), Failure> {
    let (data, stat) = quorate_zk::data(answer)?;
    Ok((String::from_utf8_lossy(data).into_owned(), stat.mzxid, stat.version))
}
