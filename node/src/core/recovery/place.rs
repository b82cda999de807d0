//! Where disks live.

use std::fmt;

use crate::core::types::ServerId;

/// Where members reach a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Residence {
    /// Its number.
    pub server: ServerId,
    /// `host:port`.
    pub peer: String,
}

impl Residence {
    /// Whether it names no place: a server that is listed as listening everywhere.
    pub(super) fn anywhere(&self) -> bool {
        let host = self.peer.rsplit_once(':').map_or("", |(host, _)| host);
        matches!(host, "0.0.0.0" | "[::]" | "::")
    }

    /// Whether both are one place. A pod's name (`zk-0.zk-peer.prod.svc`) may be followed by the cluster's
    /// domain; case means nothing.
    pub(super) fn is(&self, other: &Residence) -> bool {
        let host_and_port = |it: &Residence| {
            let text = it.peer.to_ascii_lowercase();
            let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
            (host.trim_end_matches('.').to_owned(), port.to_owned())
        };
        let ((one, port), (two, other_port)) = (host_and_port(self), host_and_port(other));
        let (short, long) = if one.len() <= two.len() { (one, two) } else { (two, one) };
        let rest = long.strip_prefix(&short);
        let whole = short.matches('.').count() >= 3;
        let follows = |rest: &str| rest.is_empty() || (whole && rest.starts_with('.'));
        port == other_port && rest.is_some_and(follows)
    }
}

impl fmt::Display for Residence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server {} at {}", self.server, self.peer)
    }
}

/// What the settings say of where a start happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// This server.
    pub here: Residence,
    /// A static list of all servers; empty: an operator decides who there is.
    pub listed: Vec<Residence>,
}
