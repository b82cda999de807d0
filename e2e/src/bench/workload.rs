//! The workloads: what is asked, by how many sessions, how much of it at a time.

use std::fmt;

/// What sessions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `getData` of one of many znodes.
    Read,
    /// `sync` and `getData`, as one operation.
    SyncRead,
    /// `setData` of the session's own znode.
    Write,
    /// Nine reads for each write, half of them of the session's own znode.
    Mixed,
    /// `create`, then `delete`; each counts.
    Create,
    /// A check and four times `setData` in one transaction.
    Multi,
    /// Events of one znode that all sessions watch; re-armed after each.
    Watch,
    /// A connection and a session, which is closed again.
    Connect,
}

/// One point of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Workload {
    pub(super) kind: Kind,
    /// Sessions, spread over the members.
    pub(super) clients: usize,
    /// Operations that each keeps in flight.
    pub(super) outstanding: usize,
    /// Of data in each znode.
    pub(super) bytes: usize,
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Read => "read",
            Kind::SyncRead => "sync+read",
            Kind::Write => "write",
            Kind::Mixed => "mixed",
            Kind::Create => "create",
            Kind::Multi => "multi",
            Kind::Watch => "watch",
            Kind::Connect => "connect",
        };
        write!(f, "{kind}-{}x{}", self.clients, self.outstanding)?;
        if self.bytes >= 1024 {
            write!(f, "-{}k", self.bytes / 1024)?;
        }
        Ok(())
    }
}

const fn workload(kind: Kind, clients: usize, outstanding: usize, bytes: usize) -> Workload {
    Workload { kind, clients, outstanding, bytes }
}

/// All there are.
pub(super) const ALL: [Workload; 16] = [
    workload(Kind::Read, 1, 1, 1024),
    workload(Kind::Read, 16, 1, 1024),
    workload(Kind::Read, 128, 1, 1024),
    workload(Kind::Read, 16, 32, 1024),
    workload(Kind::SyncRead, 16, 32, 100),
    workload(Kind::Write, 1, 1, 100),
    workload(Kind::Write, 16, 1, 100),
    workload(Kind::Write, 128, 1, 100),
    workload(Kind::Write, 16, 32, 100),
    workload(Kind::Write, 16, 32, 1024),
    workload(Kind::Mixed, 128, 1, 1024),
    workload(Kind::Mixed, 16, 32, 1024),
    workload(Kind::Create, 16, 32, 100),
    workload(Kind::Multi, 16, 32, 100),
    workload(Kind::Watch, 128, 1, 100),
    workload(Kind::Connect, 16, 1, 100),
];
