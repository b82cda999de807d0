//! The replicated state: znodes, sessions, counters. Changes only by applied entries; the same
//! entries give the same state, and the same digest, on every member.
//!
//! [`path`] what a path may be · [`acl`] who may do what, `verdicts` remembered · [`tree`] the znodes, [`znode`] one ·
//! [`session`]
//! sessions · [`access_lists`] equal lists are one · `apply` entries ·
//! [`changes`] what they changed · `closing` the end of a session · `quota` what a
//! subtree may hold · `mortal` containers and TTL znodes · `write` the effect of each client write, `txn` one on its way ·
//! `read` answers · `reconfig` clients' changes of the membership · [`server_list`] the text that
//! shows it · [`image`] a snapshot that shares structure · `digest` what members compare ·
//! `ledger` what is kept beside each znode · [`rules`] which of them differ by the ensemble's version.

pub(crate) mod access_lists;
pub(crate) mod acl;
pub(crate) mod changes;
pub(crate) mod image;
pub(crate) mod path;
pub(crate) mod rules;
pub(crate) mod server_list;
pub(crate) mod session;
pub(crate) mod tree;
pub(crate) mod znode;

mod apply;
mod closing;
mod digest;
mod ledger;
mod mortal;
mod quota;
mod read;
mod reconfig;
mod txn;
mod verdicts;
mod write;

pub(crate) use self::acl::allowed;
use self::changes::Changes;
use self::image::Image;
pub(crate) use self::mortal::Glance;
pub use self::quota::Overrun;
use self::quota::Quotas;
pub(crate) use self::reconfig::CONFIG;
pub(crate) use self::server_list::{Target, election_port};
pub(crate) use self::session::Session;
use self::session::Sessions;
use self::tree::Tree;
use super::op::{Body, ErrorCode};
use super::types::{EnsembleVersion, Index, Password, SessionId, Zxid};

/// A session that a connection holds from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Opened {
    pub session: SessionId,
    pub timeout_ms: i32,
    pub password: Password,
    /// The connection's claim: this entry's index.
    pub attach: Index,
}

/// What an entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of the transaction, or the last one's if the entry was none.
    pub zxid: Zxid,
    /// The answer for whoever asked.
    pub result: Result<Body, ErrorCode>,
    /// In the order in which watches fire.
    pub changes: Changes,
    /// A session was made or taken over.
    pub opened: Option<Opened>,
    /// A session is over.
    pub ended: Option<SessionId>,
    /// A reconfig was accepted: the leader has to bring these servers about. Its answer comes
    /// later, and `result` is none.
    pub accepted: Option<Target>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Counts {
    pub znodes: usize,
    pub ephemerals: usize,
    pub sessions: usize,
    /// Paths and data, in bytes.
    pub data_bytes: u64,
}

/// The replicated state.
#[derive(Debug)]
pub struct State {
    tree: Tree,
    sessions: Sessions,
    applied: Index,
    zxid: Zxid,
    version: EnsembleVersion,
    /// Derived from the tree.
    quotas: Quotas,
}

impl Default for State {
    fn default() -> Self {
        State::new()
    }
}

impl State {
    /// What every ensemble starts from: the root and ZooKeeper's reserved znodes.
    pub fn new() -> State {
        State {
            tree: Tree::new(),
            sessions: Sessions::default(),
            applied: Index(0),
            zxid: Zxid(0),
            version: rules::FIRST,
            quotas: Quotas::default(),
        }
    }

    /// The last applied entry.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// The last transaction.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// Whose rules hold.
    pub(crate) fn version(&self) -> EnsembleVersion {
        self.version
    }

    /// Equal on all members at equal [`State::applied`].
    pub fn digest(&self) -> u64 {
        let first = digest::of_counters(self.zxid, self.sessions.len());
        let sum = self.tree.digest().wrapping_add(first);
        if !rules::digest_covers_all(self.version) {
            return sum;
        }
        let version = digest::of_words([u64::from(self.version.0)]);
        let more = self.tree.access_digest().wrapping_add(self.sessions.digest());
        sum.wrapping_add(more).wrapping_add(version)
    }

    /// A session's details.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// All sessions.
    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter()
    }

    /// Sessions with higher ids than this one, by id.
    pub fn sessions_after(
        &self,
        id: Option<SessionId>,
    ) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.after(id)
    }

    /// Sessions that own ephemerals.
    pub fn ephemeral_owners(&self) -> usize {
        self.tree.ephemeral_owners()
    }

    /// Ephemerals by session and place, those after this one.
    pub fn ephemerals_after(
        &self,
        last: Option<(SessionId, u32)>,
    ) -> impl Iterator<Item = (SessionId, u32, String)> {
        self.tree.ephemerals_after(last)
    }

    /// How much there is.
    pub fn counts(&self) -> Counts {
        Counts {
            znodes: self.tree.len(),
            ephemerals: self.tree.ephemeral_count(),
            sessions: self.sessions.len(),
            data_bytes: self.tree.data_bytes(),
        }
    }

    /// An image of this very moment; later changes copy what it shares.
    pub fn image(&self) -> Image {
        Image {
            chunks: self.tree.chunks().to_vec(),
            sessions: self.sessions.iter().map(|(id, session)| (id, *session)).collect(),
            session_counter: self.sessions.counter(),
            applied: self.applied,
            zxid: self.zxid,
            version: self.version,
        }
    }

    /// The state that an image shows.
    pub fn restore(image: &Image) -> State {
        let tree = Tree::from_chunks(image.chunks.clone());
        let quotas = Quotas::of(&tree);
        State {
            tree,
            quotas,
            sessions: Sessions::from_parts(&image.sessions, image.session_counter),
            applied: image.applied,
            zxid: image.zxid,
            version: image.version,
        }
    }
}
