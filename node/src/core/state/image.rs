//! An immutable image of the replicated state that shares structure with it: taking one copies a
//! list of chunk references, and a later change copies only the chunk it falls into.

use std::sync::Arc;

use super::session::Session;
use super::tree::Chunk;
use crate::core::types::{EnsembleVersion, Index, SessionId, Zxid};

/// The replicated state at one index.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// The znodes' arena.
    pub chunks: Vec<Arc<Chunk>>,
    /// All sessions.
    pub sessions: Vec<(SessionId, Session)>,
    /// Where session numbers go on.
    pub session_counter: u16,
    /// The last applied entry.
    pub applied: Index,
    /// The last transaction.
    pub zxid: Zxid,
    /// Whose rules hold.
    pub version: EnsembleVersion,
}

impl Image {
    /// How many znodes there are.
    pub(crate) fn znodes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.znodes.iter().flatten().count()).sum()
    }
}
