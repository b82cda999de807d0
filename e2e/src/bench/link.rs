//! A session's connection as the generator uses it: never waiting, many frames in one read and in
//! one write.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use quorate_zk::{Code, Granted, Handshake, Reply, Request, Session, data, frame};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

/// Bytes that are read at once.
const READ: usize = 256 << 10;
/// Time for a handshake, and for single requests before the load begins.
const PATIENCE: Duration = Duration::from_secs(30);
/// Long: no session is to end while it waits for its turn.
pub(super) const SESSION_MS: i32 = 30_000;

/// A request in flight, and what its answer is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<E> {
    pub(super) xid: i32,
    pub(super) at: Instant,
    pub(super) expect: E,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link<E> {
    pub(super) stream: TcpStream,
    /// Frames to send.
    pub(super) out: Vec<u8>,
    written: usize,
    input: Vec<u8>,
    filled: usize,
    pub(super) in_flight: VecDeque<Sent<E>>,
    xid: i32,
}

impl<E> Link<E> {
    /// Connects; a handshake is still to be sent.
    pub(super) fn dial(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Link {
            stream,
            out: Vec::new(),
            written: 0,
            input: Vec::new(),
            filled: 0,
            in_flight: VecDeque::new(),
            xid: 0,
        })
    }

    /// A connection with a session, which waits until [`Link::never_wait`].
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let mut link = Link::dial(address)?;
        link.handshake(&Session::default(), SESSION_MS)?;
        Ok(link)
    }

    /// Begins a session, or goes on with one, and waits until it is granted.
    pub(super) fn handshake(&mut self, session: &Session, timeout_ms: i32) -> Result<Session> {
        let mut out = Vec::new();
        Handshake::of(session, timeout_ms).encode(&mut out);
        self.stream.write_all(&out)?;
        let answer = frame::read(&mut self.stream)?;
        granted(&answer)
    }

    pub(super) fn never_wait(&self) -> Result<()> {
        Ok(self.stream.set_nonblocking(true)?)
    }

    /// The number for the next request, which is in flight from now on.
    pub(super) fn number(&mut self, at: Instant, expect: E) -> i32 {
        self.xid = self.xid.wrapping_add(1).max(1);
        let xid = self.xid;
        self.in_flight.push_back(Sent { xid, at, expect });
        xid
    }

    /// Writes what the socket takes; whether that was all.
    pub(super) fn flush(&mut self) -> Result<bool> {
        while let Some(rest @ [_, ..]) = self.out.get(self.written..) {
            match self.stream.write(rest) {
                Ok(0) => bail!("the server takes nothing more"),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(true)
    }

    /// Reads once, and hands each whole frame over.
    pub(super) fn receive(
        &mut self,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<()>,
    ) -> Result<()> {
        if self.input.len() < self.filled + READ {
            self.input.resize(self.filled + READ, 0);
        }
        let room = self.input.get_mut(self.filled..).unwrap_or_default();
        match self.stream.read(room) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(count) => self.filled += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        // Out of `self` meanwhile: whoever handles a frame adds requests.
        let mut input = std::mem::take(&mut self.input);
        let mut rest = input.get(..self.filled).unwrap_or_default();
        while let Some((frame, more)) = frame::split(rest) {
            each(self, frame)?;
            rest = more;
        }
        let left = rest.len();
        input.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        self.input = input;
        Ok(())
    }

    /// Waits for a znode's data.
    pub(super) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Request::GetData { path, watch: false }.encode(1, &mut out);
        self.stream.write_all(&out)?;
        let answer = frame::read(&mut self.stream)?;
        let (data, _) = data(Reply::parse(&answer)?.body)?;
        Ok(data.to_vec())
    }

    /// Sends requests all at once and waits for all answers; gives the errors. Before the load.
    pub(super) fn call(&mut self, count: usize, requests: &[u8]) -> Result<Vec<Option<Code>>> {
        let mut stream = self.stream.try_clone()?;
        std::thread::scope(|scope| {
            // Both ways at once: the server need not read on while its answers are not taken.
            let writing = scope.spawn(move || stream.write_all(requests));
            let errors: Result<Vec<Option<Code>>> = (0..count)
                .map(|_| Ok(Reply::parse(&frame::read(&mut self.stream)?)?.error))
                .collect();
            writing.join().ok().context("the writing thread panicked")??;
            errors
        })
    }
}

/// The session that a handshake's answer grants.
///
/// # Errors
/// If it grants none.
pub(super) fn granted(answer: &[u8]) -> Result<Session> {
    Granted::parse(answer)?.session().context("the server refuses the session")
}

/// Which connections have something to read, or room to write.
pub(super) struct Poll {
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
}

impl Poll {
    pub(super) fn new() -> Result<Self> {
        Ok(Poll { epoll: epoll::create(CreateFlags::CLOEXEC)?, ready: Vec::with_capacity(256) })
    }

    pub(super) fn add(&self, stream: &TcpStream, number: usize) -> Result<()> {
        let data = EventData::new_u64(number as u64);
        Ok(epoll::add(&self.epoll, stream, data, EventFlags::IN)?)
    }

    /// Whether its room to write is of interest as well.
    pub(super) fn mind_room(&self, stream: &TcpStream, number: usize, mind: bool) -> Result<()> {
        let data = EventData::new_u64(number as u64);
        let out = if mind { EventFlags::OUT } else { EventFlags::empty() };
        Ok(epoll::modify(&self.epoll, stream, data, EventFlags::IN | out)?)
    }

    pub(super) fn remove(&self, stream: &TcpStream) -> Result<()> {
        Ok(epoll::delete(&self.epoll, stream)?)
    }

    /// Waits a little for something; gives the numbers of those that are ready.
    pub(super) fn wait(&mut self, into: &mut Vec<usize>) -> Result<()> {
        let timeout = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        self.ready.clear();
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        into.clear();
        let numbers = self.ready.iter().map(|it| {
            let data = it.data;
            data.u64() as usize
        });
        into.extend(numbers);
        Ok(())
    }
}
