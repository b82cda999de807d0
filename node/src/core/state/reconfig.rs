//! A client's reconfig, judged in its place in the log like any other write. What it asks for takes
//! time, so it is only accepted here; the leader carries it out by a change of the membership, and
//! the configuration that comes of it is the answer.

use std::sync::Arc;

use super::acl::WRITE;
use super::server_list;
use super::write::Txn;
use super::{Outcome, State};
use crate::core::op::{Body, ErrorCode, Reconfig};
use crate::core::options::StaticServer;
use crate::core::raft::config::Config;
use crate::core::types::{SessionId, Wall, Zxid};

/// Where clients read the configuration.
const CONFIG: &str = "/zookeeper/config";

impl State {
    /// The order of the checks is ZooKeeper's, but for whether a quorum of the new configuration
    /// can be had: that is found out last.
    pub(super) fn reconfig(
        &mut self,
        request: &Reconfig,
        txn: &mut Txn<'_>,
    ) -> Result<Body, ErrorCode> {
        let place = self.tree.find(CONFIG).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        if request.version != -1 && request.version != znode.mzxid.0 {
            return Err(ErrorCode::BadVersion);
        }
        let present = server_list::read(&self.configuration());
        let next = server_list::next(&present, request)?;
        txn.caller.permit(&znode.acl, WRITE)?;
        if next == present {
            self.show(&next, txn);
            return self.configuration_shown();
        }
        txn.accepted = Some(next.into());
        Ok(Body::Empty)
    }

    /// A settled configuration is what `/zookeeper/config` shows. One that looks the same keeps its
    /// version: clients are told of members, and not of how they come to be ones.
    pub(super) fn configured(&mut self, config: &Config) -> Outcome {
        let mut txn = self.txn(Wall(0), SessionId(0), &[]);
        let members = server_list::members(config);
        if !config.joint() && !self.shows(&members) {
            self.show(&members, &mut txn);
        }
        Outcome {
            changes: txn.changes,
            ..self.done(Ok(Body::Empty))
        }
    }

    fn show(&mut self, servers: &[StaticServer], txn: &mut Txn<'_>) {
        let Zxid(version) = txn.zxid;
        let text = server_list::lines(servers) + &format!("version={version:x}");
        self.set_reserved(CONFIG, text.into_bytes(), txn);
    }

    fn configuration(&self) -> String {
        let place = self.tree.find(CONFIG);
        let data = place
            .and_then(|place| self.tree.get(place))
            .and_then(|znode| znode.data.as_deref());
        String::from_utf8_lossy(data.unwrap_or_default()).into_owned()
    }

    /// Whether `/zookeeper/config` shows exactly these servers.
    pub fn shows(&self, servers: &[StaticServer]) -> bool {
        let text = self.configuration();
        let shown = text.rsplit_once("version=").map_or("", |(lines, _)| lines);
        !text.is_empty() && shown == server_list::lines(servers)
    }

    /// The answer to a reconfig that came to pass.
    ///
    /// # Errors
    /// `NoNode`: no state has that.
    pub fn configuration_shown(&self) -> Result<Body, ErrorCode> {
        let place = self.tree.find(CONFIG).ok_or(ErrorCode::NoNode)?;
        let znode = self.tree.get(place).ok_or(ErrorCode::NoNode)?;
        Ok(Body::Data {
            data: znode.data.as_deref().map(bytes::Bytes::copy_from_slice),
            stat: znode.stat(),
        })
    }
}

/// What a reconfig that was accepted asks for: the servers there are to be.
pub type Target = Arc<[StaticServer]>;
