//! What waits to be sent to another member. It is bounded: a member that takes less than there is
//! for it, for as long as it takes anything at all, must not fill this one's memory. Its link is
//! broken then, and the consensus core begins anew on the next one with what the member lacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::core::message::PeerMessage;
use crate::core::raft::event::Message;

/// Bytes that may wait. More than the window of the consensus core
/// ([`Window`](crate::core::raft::event::Window)) with a largest entry on top.
const MOST: usize = 64 << 20;
/// What a message costs beside its content.
const MESSAGE: usize = 128;

/// Where messages for a member go; never blocks.
#[derive(Debug)]
pub(crate) struct PeerQueue {
    queue: UnboundedSender<(PeerMessage, usize)>,
    room: Arc<Room>,
}

/// The other end of a [`PeerQueue`].
#[derive(Debug)]
pub(super) struct PeerQueued {
    queue: UnboundedReceiver<(PeerMessage, usize)>,
    room: Arc<Room>,
}

#[derive(Debug, Default)]
struct Room {
    waiting: AtomicUsize,
    /// Something was left out: nothing may follow it.
    over: AtomicBool,
    told: Notify,
}

/// An empty queue and its other end.
pub(super) fn new() -> (PeerQueue, PeerQueued) {
    let (sender, receiver) = unbounded_channel();
    let room = Arc::new(Room::default());
    let queue = PeerQueue { queue: sender, room: Arc::clone(&room) };
    let queued = PeerQueued { queue: receiver, room };
    (queue, queued)
}

impl PeerQueue {
    /// Queues a message, unless the link is to be broken.
    pub(crate) fn send(&self, message: PeerMessage) {
        if self.room.over.load(Ordering::Relaxed) {
            return;
        }
        let weight = weight(&message);
        let waiting = self.room.waiting.fetch_add(weight, Ordering::Relaxed) + weight;
        if waiting > MOST {
            self.room.over.store(true, Ordering::Relaxed);
            return self.room.told.notify_one();
        }
        // A link that is just breaking: its end is told by `link_down`.
        let _ = self.queue.send((message, weight));
    }
}

impl PeerQueued {
    /// The next message and its weight, as soon as there is one; `None` when there will be none.
    pub(super) async fn next(&mut self) -> Option<(PeerMessage, usize)> {
        self.queue.recv().await
    }

    /// The same, if there is one.
    pub(super) fn ready(&mut self) -> Option<(PeerMessage, usize)> {
        self.queue.try_recv().ok()
    }

    /// How to tell what was written, and when the link is to be broken.
    pub(super) fn room(&self) -> PeerRoom {
        PeerRoom(Arc::clone(&self.room))
    }
}

/// What may wait for one member.
#[derive(Debug)]
pub(super) struct PeerRoom(Arc<Room>);

impl PeerRoom {
    /// Messages of this weight were written.
    pub(super) fn written(&self, weight: usize) {
        self.0.waiting.fetch_sub(weight, Ordering::Relaxed);
    }

    /// Waits until there is more for the member than may wait.
    pub(super) async fn over(&self) {
        self.0.told.notified().await;
    }
}

/// Bytes that a message takes here. Requests on their way to the leader are not counted: they are
/// what clients have in progress, which has bounds of its own (`clients/budget.rs`), and they would only be
/// sent again on the next link.
fn weight(message: &PeerMessage) -> usize {
    match message {
        PeerMessage::Submit { .. } => 0,
        PeerMessage::Raft(Message::Append { entries, .. }) => {
            let entries = entries.iter().map(|entry| entry.payload.weight());
            MESSAGE + entries.sum::<usize>()
        }
        PeerMessage::Touch { sessions } => MESSAGE + size_of_val(sessions.as_slice()),
        PeerMessage::Raft(_)
        | PeerMessage::SubmitRefused { .. }
        | PeerMessage::Barrier { .. }
        | PeerMessage::BarrierReply { .. }
        | PeerMessage::Pulse { .. } => MESSAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::entry::{Action, Command, Entry, Payload};
    use crate::core::message::Submission;
    use crate::core::types::{Index, Term, Wall};

    const ENTRY: usize = 1 << 20;

    fn action() -> Action {
        Action::Reap(vec!["x".repeat(ENTRY)])
    }

    fn append() -> PeerMessage {
        let command = Command { wall: Wall(0), origin: None, action: action() };
        let entry =
            Entry { term: Term(1), index: Index(1), payload: Payload::Command(Arc::new(command)) };
        PeerMessage::Raft(Message::Append {
            term: Term(1),
            prev_index: Index(0),
            prev_term: Term(0),
            entries: vec![Arc::new(entry)],
            commit: Index(0),
            last: Index(1),
            round: 0,
        })
    }

    fn is_over(queued: &PeerQueued) -> bool {
        queued.room.over.load(Ordering::Relaxed)
    }

    #[test]
    fn what_was_written_makes_room_and_what_goes_beyond_ends_the_queue() {
        let (queue, mut queued) = new();
        let many = MOST / ENTRY - 1;
        for _ in 0..many {
            queue.send(append());
        }
        let room = queued.room();
        while let Some((_, weight)) = queued.ready() {
            room.written(weight);
        }
        for _ in 0..many {
            queue.send(append());
        }
        assert!(!is_over(&queued));
        queue.send(append());
        assert!(is_over(&queued));
        while let Some((_, weight)) = queued.ready() {
            room.written(weight);
        }
        queue.send(append());
        assert!(queued.ready().is_none(), "nothing follows what was left out");
    }

    #[test]
    fn heartbeats_alone_are_bounded_and_requests_for_the_leader_are_elsewhere() {
        let (queue, queued) = new();
        for request in 0..2 * (MOST / ENTRY) as u64 {
            queue.send(PeerMessage::Submit {
                term: Term(1),
                boot: 0,
                stream: 0,
                submissions: vec![Submission { request, action: action() }],
            });
        }
        assert!(!is_over(&queued));
        for id in 0..=(MOST / MESSAGE) as u64 {
            queue.send(PeerMessage::Barrier { id });
        }
        assert!(is_over(&queued));
    }
}
