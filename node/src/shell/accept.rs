//! Taking connections on, also while the system has no descriptor left for one.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

/// How long to leave it after a failure: it passes when connections end, and no event tells of that.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two lines of the log about the same trouble.
const QUIET: Duration = Duration::from_secs(10);

/// Trouble that may come thousands of times a second and is told now and then.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    told: Option<Instant>,
    untold: u64,
}

impl Trouble {
    /// It came again. Gives how often since it was last told, if it is to be told now.
    pub(crate) fn came(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < QUIET) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    /// Whom it takes, for the log.
    who: &'static str,
    trouble: Trouble,
}

impl Port {
    /// Takes these on.
    pub(crate) fn new(listener: TcpListener, who: &'static str) -> Port {
        Port { listener, who, trouble: Trouble::default() }
    }

    /// The next connection, however long that takes.
    pub(crate) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    if let Some(times) = self.trouble.came(Instant::now()) {
                        let who = self.who;
                        tracing::warn!(who, %error, times, "a connection cannot be taken on");
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_at_once_then_now_and_then_and_with_all_that_came_meanwhile() {
        let mut trouble = Trouble::default();
        let began = Instant::now();
        assert_eq!(trouble.came(began), Some(1));
        for _ in 0..5 {
            assert_eq!(trouble.came(began + QUIET / 2), None);
        }
        assert_eq!(trouble.came(began + QUIET), Some(6));
        assert_eq!(trouble.came(began + QUIET), None);
    }
}
