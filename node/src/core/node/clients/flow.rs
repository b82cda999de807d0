//! How much is answered at once, and how much may wait to be sent.
//!
//! A step answers requests of a certain weight, no more: the rest keeps its place in line, and the
//! connections take turns ([`Effect::Again`] asks for the next step). So heartbeats and other
//! clients wait for one heavy answer at most, however many were asked for in one packet. Writes are
//! never answered later than applied, nor a read later than a write behind it: the client would see
//! them out of order. So a write is not even submitted while a read before it may have to wait.
//!
//! A connection is sent a certain weight ahead of what its client has taken; then its answers wait
//! in line as requests, which cost nothing. [`Effect::Mark`] asks the shell to tell when what was
//! sent before it has left. Events cannot wait in line: a client that does not take them is let go,
//! and will learn what it missed by `setWatches`.

use super::super::ctx::Ctx;
use super::Clients;
use super::connection::Work;
use crate::core::effect::{CloseReason, Effect};
use crate::core::op::{Read, ServerFrame};
use crate::core::sent::Sent;
use crate::core::state::State;
use crate::core::types::ConnId;

/// Names, paths or ops beyond which a request is heavy.
const MANY: usize = 100;

impl Clients {
    /// Sends a frame to a client. All frames to clients go through here.
    pub(super) fn tell(&mut self, cx: &mut Ctx<'_>, conn: ConnId, frame: ServerFrame) {
        let Some(connection) = self.connections.get_mut(conn) else {
            return;
        };
        let flow = &mut connection.flow;
        let before = flow.waiting.bytes;
        flow.waiting.add(&frame);
        flow.unmarked.add(&frame);
        self.turn.spend(flow.waiting.bytes.saturating_sub(before));
        let late = flow.waiting.events > cx.options.event_window;
        // A quarter, so that there is always a mark behind which less than the window waits.
        let mark = flow.unmarked.bytes > cx.options.reply_window / 4;
        let sent = std::mem::take(&mut flow.unmarked);
        cx.out.push(Effect::Client { conn, frame });
        if mark {
            cx.out.push(Effect::Mark { conn, sent });
        } else {
            flow.unmarked = sent;
        }
        if late {
            self.close(cx, conn, CloseReason::SlowReader);
        }
    }

    /// Whether the connection may be answered now. If it is only not its turn, it is put in line.
    pub(super) fn may_answer(&mut self, cx: &Ctx<'_>, conn: ConnId) -> bool {
        let Some(connection) = self.connections.get_mut(conn) else {
            return false;
        };
        let full = connection.flow.waiting.bytes > cx.options.reply_window;
        let spent = self.turn.spent >= cx.options.turn_weight;
        if connection.is_urgent() || !(full || spent) {
            return true;
        }
        if !full && !connection.flow.in_line && connection.is_ready() {
            connection.flow.in_line = true;
            self.turn.line.push_back(conn);
        }
        false
    }

    /// Whether answering may take long. Writes behind it are held back meanwhile, so that it can
    /// wait for its turn; others are so cheap that as many as fit into a packet may be answered.
    pub(super) fn is_heavy(&self, state: &State, work: &Work) -> bool {
        match work {
            Work::Read(read) => self.is_heavy_read(state, read),
            Work::SetWatches(set) => set.len() > MANY,
            _ => false,
        }
    }

    fn is_heavy_read(&self, state: &State, read: &Read) -> bool {
        match read {
            Read::GetChildren { path, .. } => {
                let stat = state.stat(path);
                stat.is_some_and(|stat| stat.num_children as usize > MANY)
            }
            Read::GetAllChildrenNumber { .. } | Read::GetEphemerals { .. } => true,
            Read::MultiRead(reads) => {
                reads.len() > MANY || reads.iter().any(|read| self.is_heavy_read(state, read))
            }
            Read::Exists { .. } | Read::GetData { .. } | Read::GetAcl { .. } | Read::WhoAmI => {
                false
            }
        }
    }

    /// The shell has sent this much.
    pub(in crate::core::node) fn flushed(
        &mut self,
        cx: &mut Ctx<'_>,
        state: &State,
        conn: ConnId,
        sent: Sent,
    ) {
        if let Some(connection) = self.connections.get_mut(conn) {
            let waiting = &mut connection.flow.waiting;
            waiting.bytes = waiting.bytes.saturating_sub(sent.bytes);
            waiting.events = waiting.events.saturating_sub(sent.events);
            self.go_on(cx, state, conn);
        }
    }

    pub(in crate::core::node) fn begin_turn(&mut self) {
        self.turn.spent = 0;
    }

    /// Goes on with those in line for as long as this step may, and asks for another step if it
    /// may not.
    pub(in crate::core::node) fn end_turn(&mut self, cx: &mut Ctx<'_>, state: &State) {
        while self.turn.spent < cx.options.turn_weight {
            let Some(conn) = self.turn.line.pop_front() else {
                break;
            };
            if let Some(connection) = self.connections.get_mut(conn) {
                connection.flow.in_line = false;
                self.go_on(cx, state, conn);
            }
        }
        let more = self.watches.sweep();
        if more || !self.turn.line.is_empty() {
            cx.out.push(Effect::Again);
        }
    }
}
