//! Writers that remember what was acknowledged, and the look at whether all of that is still there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::client::{Client, Failure};
use super::ensemble::Member;

/// Creates one znode after the other; each has its path as its data.
#[derive(Debug)]
pub(crate) struct Writer {
    name: String,
    number: usize,
    /// What was acknowledged.
    paths: Vec<String>,
    progress: Progress,
}

/// What others see of writers, and tell them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    acknowledged: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Progress {
    /// How much was acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Every writer stops.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl Writer {
    /// Of `/{name}-1` and those that follow.
    pub(crate) fn new(name: &str, progress: &Progress) -> Writer {
        let (name, progress) = (name.to_owned(), progress.clone());
        Writer { name, number: 0, paths: Vec::new(), progress }
    }

    /// Writes to a server until the connection breaks. What was not answered then has an unknown
    /// outcome, and is not asked for again.
    fn write(&mut self, port: u16) {
        let Ok(mut client) = Client::connect(port) else {
            return std::thread::yield_now();
        };
        while !self.progress.is_over() {
            self.number += 1;
            let path = format!("/{}-{}", self.name, self.number);
            match client.create(&path, path.as_bytes(), 0) {
                Ok(_) => {
                    self.paths.push(path);
                    self.progress.acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                Err(Failure::Broken(_)) => return,
                Err(Failure::Code(code)) => panic!("{path}: {code}"),
            }
        }
    }

    /// Writes to a server until the connection breaks, and gives what was acknowledged.
    pub(crate) fn until_it_breaks(mut self, port: u16) -> Vec<String> {
        self.write(port);
        self.paths
    }

    /// Writes wherever it is served until it is told to stop, and gives what was acknowledged.
    pub(crate) fn until_the_end(mut self, ports: &[u16]) -> Vec<String> {
        let mut ports = ports.iter().cycle();
        while !self.progress.is_over() {
            ports.next().into_iter().for_each(|port| self.write(*port));
        }
        self.paths
    }
}

/// A member has all that was acknowledged.
pub(crate) fn assert_has_all(member: &Member, paths: &[String]) {
    let mut client = member.connect();
    client.sync().expect("sync");
    for path in paths {
        let data = client.get(path).unwrap_or_else(|why| panic!("{path} is lost: {why:?}"));
        assert_eq!(data, path.as_bytes());
    }
}
