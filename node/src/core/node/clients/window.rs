//! How much waits to be sent to a client, and how much one step has answered.

use std::collections::VecDeque;

use crate::core::sent::Sent;
use crate::core::types::ConnId;

/// What a request costs beside the weight of its answer.
const REQUEST: usize = 128;

/// A connection's part.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    /// What the shell has not told to have left.
    pub(super) waiting: Sent,
    /// Of that, what follows the last mark.
    pub(super) unmarked: Sent,
    /// It is in line for the next step.
    pub(super) in_line: bool,
}

/// The part of all.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Weight of what this step has answered.
    pub(super) spent: usize,
    /// Connections with answers that are due, in the order of their turns.
    pub(super) line: VecDeque<ConnId>,
}

impl Turn {
    /// A request was answered with a frame of this weight.
    pub(super) fn spend(&mut self, weight: usize) {
        self.spent += REQUEST + weight;
    }
}
