//! Sessions: who may speak, by which secret, and for how long they may be silent.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::digest;
use crate::core::types::{Index, Password, ServerId, SessionId, Wall};

/// A session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Negotiated, in milliseconds.
    pub timeout_ms: i32,
    /// Its secret.
    pub password: Password,
    /// The claim of the connection that holds it: the index of the entry that gave it.
    pub attach: Index,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    all: BTreeMap<SessionId, Session>,
    counter: u16,
    /// The sum of all their parts.
    digest: u64,
}

impl Sessions {
    /// As they were.
    pub(crate) fn from_parts(sessions: &[(SessionId, Session)], counter: u16) -> Sessions {
        let mut all = Sessions { counter, ..Sessions::default() };
        for (id, session) in sessions {
            all.put(*id, *session);
        }
        all
    }

    /// Where numbers go on.
    pub(crate) fn counter(&self) -> u16 {
        self.counter
    }

    /// A session's details.
    pub(crate) fn get(&self, id: SessionId) -> Option<&Session> {
        self.all.get(&id)
    }

    /// Makes a session what it is from now on.
    pub(crate) fn put(&mut self, id: SessionId, session: Session) {
        let before = self.all.insert(id, session);
        let old = before.map_or(0, |before| part(id, &before));
        self.digest = self.digest.wrapping_sub(old).wrapping_add(part(id, &session));
    }

    /// The digest of all that is known of them.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.all.iter().map(|(id, session)| (*id, session))
    }

    /// Those with higher ids than this one, by id.
    pub(crate) fn after(
        &self,
        id: Option<SessionId>,
    ) -> impl Iterator<Item = (SessionId, &Session)> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.all.range((from, Bound::Unbounded));
        rest.map(|(id, session)| (*id, session))
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// A new one. Its id is laid out as ZooKeeper's: the server's number in the high byte, then
    /// five bytes of wall clock, then a counter.
    pub(crate) fn create(&mut self, server: ServerId, wall: Wall, session: Session) -> SessionId {
        loop {
            self.counter = self.counter.wrapping_add(1);
            let clock = (wall.0 as u64 & 0xFF_FFFF_FFFF) << 16;
            let id = (u64::from(server.0) << 56) | clock | u64::from(self.counter);
            let id = SessionId(id as i64);
            if id != SessionId(0) && !self.all.contains_key(&id) {
                self.put(id, session);
                return id;
            }
        }
    }

    /// Ends one.
    pub(crate) fn remove(&mut self, id: SessionId) -> bool {
        let gone = self.all.remove(&id);
        let old = gone.map_or(0, |gone| part(id, &gone));
        self.digest = self.digest.wrapping_sub(old);
        gone.is_some()
    }
}

/// A session's part of the digest.
fn part(id: SessionId, session: &Session) -> u64 {
    let secret = session.password.0;
    let (high, low) = secret.split_at(8);
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let timeout = u64::from(session.timeout_ms as u32);
    digest::of_words([id.0 as u64, timeout, word(high), word(low), session.attach.0])
}
