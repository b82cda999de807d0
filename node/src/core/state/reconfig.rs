//! A client's reconfig, judged in its place in the log like any other write. What it asks for takes
//! time, so it is only accepted here; the leader carries it out by a change of the membership, and
//! the configuration that comes of it is the answer.

use super::acl::WRITE;
use super::server_list;
use super::txn::Txn;
use super::{Outcome, State};
use crate::core::op::{Body, ErrorCode, Reconfig};
use crate::core::options::StaticServer;
use crate::core::raft::config::Config;
use crate::core::types::{SessionId, Wall, Zxid};

/// Where clients read the configuration.
pub(crate) const CONFIG: &str = "/zookeeper/config";

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
        Outcome { changes: txn.changes, ..self.done(Ok(Body::Empty)) }
    }

    fn show(&mut self, servers: &[StaticServer], txn: &mut Txn<'_>) {
        let Zxid(version) = txn.zxid;
        let text = server_list::lines(servers) + &format!("version={version:x}");
        self.set_reserved(CONFIG, text.into_bytes(), txn);
    }

    fn configuration(&self) -> String {
        let place = self.tree.find(CONFIG);
        let data =
            place.and_then(|place| self.tree.get(place)).and_then(|znode| znode.data.as_deref());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::entry::{Action, Command, Entry, Payload};
    use crate::core::op::{EventType, Id, Write};
    use crate::core::raft::config::{Member, Role};
    use crate::core::types::{Index, MemberId, Password, ServerId, Term};

    /// A state with one session, of an ensemble of two and one that learns.
    struct World {
        state: State,
        last: u64,
        session: SessionId,
    }

    impl World {
        fn new() -> World {
            let state = State::new();
            let mut world = World { state, last: 0, session: SessionId(0) };
            world.apply(Payload::Config(Arc::new(config(Role::Learner))));
            let opened = world.command(Action::CreateSession {
                server: ServerId(1),
                timeout_ms: 10_000,
                password: Password([1; 16]),
            });
            world.session = opened.opened.unwrap().session;
            world
        }

        fn apply(&mut self, payload: Payload) -> Outcome {
            self.last += 1;
            self.state.apply(&Entry { term: Term(1), index: Index(self.last), payload })
        }

        fn command(&mut self, action: Action) -> Outcome {
            self.apply(Payload::Command(Arc::new(Command { wall: Wall(1), origin: None, action })))
        }

        fn reconfig(&mut self, who: &str, joining: &str, version: i64) -> Outcome {
            let id = Id { scheme: who.to_owned(), id: String::new() };
            let request = Reconfig {
                joining: Some(joining.to_owned()),
                leaving: None,
                members: None,
                version,
                least_voters: 2,
            };
            self.command(Action::Write {
                session: self.session,
                attach: Index(2),
                ids: Arc::new([id]),
                write: Write::Reconfig(request),
            })
        }
    }

    fn config(third: Role) -> Config {
        let member = |n: u8, role| Member {
            id: MemberId(u64::from(n)),
            server: ServerId(n),
            role,
            peer: format!("h{n}:2888"),
            client: format!("h{n}:2181"),
        };
        Config {
            index: Index(1),
            members: vec![member(1, Role::Voter), member(2, Role::Voter), member(3, third)],
            ..Config::default()
        }
    }

    const THIRD: &str = "server.3=h3:2888:3888;h3:2181";

    #[test]
    fn a_reconfig_is_judged_in_the_log_and_answered_by_the_configuration() {
        let mut world = World::new();
        let wrong = world.reconfig("super", THIRD, 77);
        assert_eq!(wrong.result, Err(ErrorCode::BadVersion));
        let stranger = world.reconfig("ip", THIRD, 1);
        assert_eq!(stranger.result, Err(ErrorCode::NoAuth));
        assert!(wrong.accepted.is_none() && stranger.accepted.is_none());

        let target = world.reconfig("super", THIRD, 1).accepted.unwrap();
        assert_eq!(target.len(), 3);
        assert!(!world.state.shows(&target), "it is only accepted");
        let outcome = world.apply(Payload::Config(Arc::new(config(Role::Voter))));
        assert!(world.state.shows(&target));
        let change = outcome.changes.iter().next().unwrap();
        assert_eq!(change.kind, EventType::DataChanged);
        assert_eq!(outcome.changes.text(change.at), CONFIG);
        let Ok(Body::Data { stat, .. }) = world.state.configuration_shown() else {
            panic!("no data");
        };
        assert_eq!((stat.version, stat.aversion), (-1, -1));
        assert_eq!(stat.mzxid, outcome.zxid);
    }

    #[test]
    fn learners_and_joint_phases_are_not_shown_and_a_repeated_list_gets_a_version() {
        let mut world = World::new();
        let text = world.state.configuration();
        assert!(!text.contains("server.3"), "{text}");
        let joint = Config { outgoing: vec![MemberId(1), MemberId(2)], ..config(Role::Voter) };
        assert!(world.apply(Payload::Config(Arc::new(joint))).changes.is_empty());
        assert_eq!(world.state.configuration(), text);

        let same = "server.2=h2:2888:3888;h2:2181";
        let outcome = world.reconfig("super", same, -1);
        assert!(outcome.accepted.is_none() && outcome.changes.len() == 1);
        assert!(matches!(outcome.result, Ok(Body::Data { .. })));
        assert_ne!(world.state.configuration(), text);
    }
}
