//! Histories about the membership of an ensemble of five servers of which three are members.
//!
//! They avoid what is not the same twice in a real ZooKeeper. Clients connect to members that stay
//! as they are from then on: one that leaves keeps its clients there, one that becomes an observer
//! lets them go, and one with a new client port is found there. Who leads stays. A reconfig is the
//! last of what is sent at once, for the next one is -14 or not, as it happens. Voters that are to
//! be are there already, or so few that there is no quorum of them: then the node answers when it
//! has waited for them, hence only some histories have one, as their last step.

use std::collections::BTreeSet;

use super::reconfigs::{self, Asked, ClientPort, MOVING, Members, STAYING};
use super::rights::{BOB, auth_packet, list, open_acl};
use super::{Maker, Theme, requests::persistent};
use crate::differential::history::{
    Action, Field, Handshake, History, Moment, Password, Request, Session, StepId,
};
use crate::differential::ops;
use crate::differential::rng::Rng;

const CONFIG: &str = "/zookeeper/config";

/// Permissions.
const WRITE: i32 = 2;
const ADMIN: i32 = 16;

/// Who may change the configuration, besides the super user.
const ACLS: [&[(i32, &str, &str)]; 7] = [
    &[(1, "world", "anyone")],
    &[(31, "world", "anyone")],
    &[(3, "world", "anyone")],
    &[(2, "world", "anyone")],
    &[(16, "world", "anyone")],
    &[(1, "world", "anyone"), (2, "digest", BOB)],
    &[(1, "ip", "10.0.0.0/8"), (19, "digest", BOB)],
];

/// A client: where it is, and who.
#[derive(Clone, Debug)]
struct Somebody {
    member: u8,
    opened: StepId,
    supers: bool,
    bob: bool,
}

/// A history in the making.
struct Membership {
    maker: Maker,
    clients: Vec<Somebody>,
    members: Members,
    acl: &'static [(i32, &'static str, &'static str)],
    /// Who has clients, and so stays as it is.
    pinned: BTreeSet<u8>,
}

/// The history of a seed.
pub(in crate::differential) fn membership(seed: u64) -> History {
    let mut made = Membership {
        maker: Maker::new(Rng::new(seed), Theme::Plain, 0),
        clients: Vec::new(),
        members: reconfigs::initial(),
        acl: ACLS[0],
        pinned: BTreeSet::from(STAYING),
    };
    let count = 2 + made.maker.rng.below(3);
    for client in 0..count {
        let member = match made.maker.rng.below(8) {
            0 => 3,
            at => STAYING[at % 2],
        };
        made.open(client, member);
    }
    made.authenticate(0, "super:test");
    let root = persistent("$", open_acl());
    made.push(0, vec![root]);
    for client in 0..count {
        if made.maker.rng.chance(80) {
            let watches = made.watches();
            made.push(client, watches);
        }
    }
    for _ in 0..5 + made.maker.rng.below(25) {
        made.step();
    }
    if seed % 30 == 7 {
        let request = made.request(&reconfigs::nobody(), Field::Long(-1));
        made.push(0, vec![request]);
    }
    History { seed, steps: made.maker.steps }
}

impl Membership {
    fn push(&mut self, client: usize, requests: Vec<Request>) {
        self.maker.push(client, Action::Send(requests));
    }

    /// Another client.
    fn open(&mut self, client: usize, member: u8) {
        let opened = self.connect(client, member, Session::New);
        self.pinned.insert(member);
        self.maker.sessions.push(Some(opened));
        self.clients.push(Somebody { member, opened, supers: false, bob: false });
    }

    fn connect(&mut self, client: usize, member: u8, session: Session) -> StepId {
        let handshake = Handshake {
            session,
            password: Password::Right,
            timeout_ms: 20_000,
            last_seen: Moment::Zero,
            read_only: Some(0),
            member: Some(member),
        };
        self.maker.push(client, Action::Connect(handshake))
    }

    fn authenticate(&mut self, client: usize, who: &str) {
        self.push(client, vec![auth_packet("digest", Some(who))]);
        let Some(somebody) = self.clients.get_mut(client) else {
            return;
        };
        somebody.supers |= who == "super:test";
        somebody.bob |= who == "bob:secret";
    }

    fn step(&mut self) {
        let client = self.maker.rng.below(self.clients.len());
        match self.maker.rng.weighted(&[30, 18, 16, 10, 6, 4, 3, 3]) {
            0 => self.change(),
            1 => {
                let client = self.mostly_super(client);
                let may = self.may(client, WRITE);
                let rng = &mut self.maker.rng;
                let asked = match !may && rng.chance(20) {
                    true => reconfigs::nobody(),
                    false => reconfigs::vain(rng),
                };
                let version = self.version();
                let request = self.request(&asked, version);
                self.send_last(client, request);
            }
            2 => {
                let requests = self.watches();
                self.push(client, requests);
            }
            3 => {
                let requests = (0..1 + self.maker.rng.below(3)).map(|_| self.ordinary()).collect();
                self.push(client, requests);
            }
            4 => self.set_acl(client),
            5 => {
                let who = self.maker.rng.pick(&["bob:secret", "bob:secret", "super:wrong"]);
                self.authenticate(client, who);
            }
            6 => self.come_back(client),
            _ => {
                let homes: Vec<u8> = self.homes().collect();
                if self.clients.len() < 6 {
                    let member = self.maker.rng.pick(&homes);
                    self.open(self.clients.len(), member);
                }
            }
        }
    }

    /// The super user, or somebody.
    fn mostly_super(&mut self, client: usize) -> usize {
        if self.maker.rng.chance(70) { 0 } else { client }
    }

    /// Members that clients find at their own port.
    fn homes(&self) -> impl Iterator<Item = u8> {
        let home = |port| matches!(port, ClientPort::Own | ClientPort::Named);
        let members = self.members.iter();
        members.filter(move |(_, it)| home(it.client)).map(|(number, _)| *number)
    }

    /// A reconfig that changes something, if whoever asks may.
    fn change(&mut self) {
        let free: Vec<u8> = MOVING.into_iter().filter(|it| !self.pinned.contains(it)).collect();
        let any = self.maker.rng.below(self.clients.len());
        let client = self.mostly_super(any);
        let rng = &mut self.maker.rng;
        let Some((next, changed)) = reconfigs::moved(&self.members, &free, rng) else {
            return;
        };
        let asked = reconfigs::good(&next, &changed, rng);
        let (version, right) = match rng.below(10) {
            0 => (Field::Long(rng.pick(&[0, 1, -2, i64::MAX, i64::MIN])), false),
            1..=3 => (Field::Zxid(Moment::Configured), true),
            _ => (Field::Long(-1), true),
        };
        if right && self.may(client, WRITE) {
            self.members = next;
        }
        let request = self.request(&asked, version);
        self.send_last(client, request);
    }

    /// Whether the super user's rights, or the list, let a client do this.
    fn may(&self, client: usize, perm: i32) -> bool {
        let Some(somebody) = self.clients.get(client) else {
            return false;
        };
        let theirs = |scheme: &str| match scheme {
            "world" => true,
            "digest" => somebody.bob,
            _ => false,
        };
        let mut lines = self.acl.iter();
        somebody.supers || lines.any(|(perms, scheme, _)| perms & perm != 0 && theirs(scheme))
    }

    fn request(&mut self, asked: &Asked, version: Field) -> Request {
        let text = |text: &Option<String>| Field::Text(text.clone().map(String::into_bytes));
        let fields =
            vec![text(&asked.joining), text(&asked.leaving), text(&asked.members), version];
        Request::new(ops::RECONFIG, fields)
    }

    /// Sometimes behind others.
    fn send_last(&mut self, client: usize, request: Request) {
        let mut requests = Vec::new();
        if self.maker.rng.chance(20) {
            requests.push(self.ordinary());
        }
        requests.push(request);
        self.push(client, requests);
    }

    fn version(&mut self) -> Field {
        let rng = &mut self.maker.rng;
        match rng.below(8) {
            0 => Field::Long(rng.pick(&[0, -2, i64::MAX])),
            1 | 2 => Field::Zxid(Moment::Configured),
            _ => Field::Long(-1),
        }
    }

    /// Reads and watches of the configuration.
    fn watches(&mut self) -> Vec<Request> {
        let mut requests = Vec::new();
        for _ in 0..1 + self.maker.rng.below(2) {
            let rng = &mut self.maker.rng;
            let config = || Field::text(CONFIG);
            let watch = Field::Byte(u8::from(rng.chance(75)));
            let kind = Field::Int(rng.pick(&[1, 2, 3, 3, 4, 5]));
            requests.push(match rng.weighted(&[8, 4, 6, 2, 2, 1, 1]) {
                0 => Request::new(ops::GET_DATA, vec![config(), watch]),
                1 => Request::new(ops::EXISTS, vec![config(), watch]),
                2 => {
                    let path = rng.pick(&[CONFIG, CONFIG, "/zookeeper"]);
                    let mode = Field::Int(rng.pick(&[0, 1, 1]));
                    Request::new(ops::ADD_WATCH, vec![Field::text(path), mode])
                }
                3 => Request::new(ops::GET_ACL, vec![config()]),
                4 => Request::new(ops::REMOVE_WATCHES, vec![config(), kind]),
                5 => Request::new(ops::CHECK_WATCHES, vec![config(), kind]),
                _ => Request::new(ops::GET_CHILDREN2, vec![config(), watch]),
            });
        }
        requests
    }

    /// Writes and reads elsewhere, and what must not come of the configuration.
    fn ordinary(&mut self) -> Request {
        let config = Field::text(CONFIG);
        match self.maker.rng.below(10) {
            0..=2 => self.maker.create(),
            3 | 4 => self.maker.set_data(),
            5 => self.maker.delete(),
            6 => self.maker.watching(ops::GET_DATA),
            7 => self.maker.multi(),
            8 => {
                let data = Field::Buffer(Some(b"nonsense".to_vec()));
                Request::new(ops::SET_DATA, vec![config, data, Field::Int(7_777)])
            }
            _ => Request::new(ops::DELETE, vec![config, Field::Int(-1)]),
        }
    }

    fn set_acl(&mut self, client: usize) {
        let client = self.mostly_super(client);
        let acl = self.maker.rng.pick(&ACLS);
        if self.may(client, ADMIN) {
            self.acl = acl;
        }
        let acl = list(acl);
        let fields = vec![Field::text(CONFIG), acl, Field::Int(-1)];
        self.push(client, vec![Request::new(ops::SET_ACL, fields)]);
    }

    /// The connection breaks, and the session goes on with what it watched.
    fn come_back(&mut self, client: usize) {
        let Some(Somebody { member, opened, .. }) = self.clients.get(client).cloned() else {
            return;
        };
        self.maker.push(client, Action::Cut);
        self.connect(client, member, Session::Of(opened));
        if let Some(somebody) = self.clients.get_mut(client) {
            (somebody.supers, somebody.bob) = (false, false);
        }
        let since = Field::Zxid(self.maker.moment());
        let mut fields = vec![since];
        for _ in 0..5 {
            let some = self.maker.rng.chance(50);
            let path = vec![Field::text(CONFIG)];
            fields.push(Field::List(Some(if some { vec![path] } else { Vec::new() })));
        }
        let watches = Request::new(ops::SET_WATCHES2, fields);
        self.push(client, vec![watches]);
        if client == 0 {
            self.authenticate(0, "super:test");
        }
    }
}
