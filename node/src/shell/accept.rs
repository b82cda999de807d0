//! Accepting connections, also while the system has no descriptor left for one.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::log_limit::LogLimit;

/// How long to leave it after a failure: it passes when connections end, and no event tells of that.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two lines of the log about the same failure.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    /// Who connects, for the log.
    who: &'static str,
    failures: LogLimit,
}

impl Port {
    /// Of these, for the log.
    pub(crate) fn new(listener: TcpListener, who: &'static str) -> Port {
        Port { listener, who, failures: LogLimit::new(QUIET) }
    }

    /// Where it listens, with the port that was really taken.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The next connection, however long that takes.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if let Some(times) = self.failures.allows(Instant::now()) {
                        let who = self.who;
                        tracing::warn!(who, %error, times, "a connection cannot be accepted");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}
