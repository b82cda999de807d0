//! What waits to be written to a client.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::budget::Share;
use super::stats::ClientStats;
use crate::core::op::ServerFrame;
use crate::core::sent::Sent;

/// One thing that waits.
pub(super) enum Outgoing {
    /// With its weight.
    Frame(ServerFrame, usize),
    /// The core is told when all before it is written.
    Mark(Sent),
    /// Nothing follows.
    Close,
}

/// Where frames for a client go; never blocks. The core bounds what it sends ahead.
#[derive(Clone)]
pub(crate) struct ClientQueue {
    queue: UnboundedSender<Outgoing>,
    share: Arc<Share>,
    /// Its counters.
    pub(crate) stats: Arc<ClientStats>,
}

/// The other end of a [`ClientQueue`].
pub(super) struct Queued(pub(super) UnboundedReceiver<Outgoing>);

impl std::fmt::Debug for ClientQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientQueue({})", self.stats.address)
    }
}

impl ClientQueue {
    pub(super) fn new(stats: Arc<ClientStats>, share: Arc<Share>) -> (ClientQueue, Queued) {
        let (queue, queued) = unbounded_channel();
        let queue = ClientQueue { queue, share, stats };
        (queue, Queued(queued))
    }

    /// Queues a frame.
    pub(crate) fn send(&self, frame: ServerFrame) {
        let weight = frame.weight();
        // Before it can be written.
        self.share.queued(weight);
        let _ = self.queue.send(Outgoing::Frame(frame, weight));
    }

    /// Tells the core once what was queued before is written.
    pub(crate) fn mark(&self, sent: Sent) {
        let _ = self.queue.send(Outgoing::Mark(sent));
    }

    /// Closes the connection once what was queued before is written.
    pub(crate) fn close(&self) {
        let _ = self.queue.send(Outgoing::Close);
    }
}
