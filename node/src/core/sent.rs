//! How much was sent to a client that may not have left yet: the shell tells when it has.

use super::op::ServerFrame;

/// What was sent to one client and may not have left yet, by weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// All of it,
    pub bytes: usize,
    /// and what of it are events.
    pub events: usize,
}

impl Sent {
    /// One more frame was sent.
    pub(crate) fn add(&mut self, frame: &ServerFrame) {
        let weight = frame.weight();
        self.bytes += weight;
        if matches!(frame, ServerFrame::Event(_)) {
            self.events += weight;
        }
    }
}
