//! The texts of reconfigs, by what is a member at the time: good ones, and every way to be wrong.

use std::collections::BTreeMap;

use crate::differential::rng::Rng;

/// Members 1 and 2 stay what they are; one of them leads.
pub(super) const STAYING: [u8; 2] = [1, 2];
/// What may leave, join, and become something else.
pub(super) const MOVING: [u8; 3] = [3, 4, 5];

/// How the configuration shows a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) observes: bool,
    pub(super) client: ClientPort,
}

/// Where its clients find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientPort {
    /// Where the others are.
    Own,
    /// The same, by name.
    Named,
    /// Another port, on one address and on all.
    Other,
    Wide,
    /// That of member 1, so that it is not found there.
    Shared,
}

/// Who is a member.
pub(super) type Members = BTreeMap<u8, Shown>;

/// Those who are members when a history begins.
pub(super) fn initial() -> Members {
    let shown = Shown { observes: false, client: ClientPort::Own };
    (1..=3).map(|number| (number, shown)).collect()
}

/// A reconfig: joining, leaving, and all members.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) joining: Option<String>,
    pub(super) leaving: Option<String>,
    pub(super) members: Option<String>,
}

/// The line that shows a member.
fn line(number: u8, shown: Shown, rng: &mut Rng) -> String {
    let role = match shown.observes {
        true => rng.pick(&[":observer", ":observer", ":Observer"]),
        false => rng.pick(&[":participant", ":participant", ":PARTICIPANT", ""]),
    };
    let client = match shown.client {
        ClientPort::Own => format!("127.0.0.1:{{{number} client}}"),
        ClientPort::Named => format!("localhost:{{{number} client}}"),
        ClientPort::Other => format!("127.0.0.1:{{{number} other}}"),
        ClientPort::Wide => format!("{{{number} other}}"),
        ClientPort::Shared => "127.0.0.1:{1 client}".to_owned(),
    };
    format!("server.{number}={{{number}}}{role};{client}")
}

/// Some of those that move become something else; nothing if the real ZooKeeper would not find a
/// quorum of the new voters: observers that are to vote do not count there as long as they observe.
pub(super) fn moved(present: &Members, free: &[u8], rng: &mut Rng) -> Option<(Members, Vec<u8>)> {
    let mut next = present.clone();
    let mut changed = Vec::new();
    for number in free {
        if !rng.chance(60) {
            continue;
        }
        changed.push(*number);
        if present.contains_key(number) && rng.chance(50) {
            next.remove(number);
            continue;
        }
        let client = rng.pick(&[
            ClientPort::Own,
            ClientPort::Own,
            ClientPort::Own,
            ClientPort::Named,
            ClientPort::Other,
            ClientPort::Wide,
            ClientPort::Shared,
        ]);
        let observes = rng.chance(40);
        next.insert(*number, Shown { observes, client });
    }
    let voters = next.iter().filter(|(_, shown)| !shown.observes);
    let numbers: Vec<u8> = voters.map(|(number, _)| *number).collect();
    let follows = |number: &&u8| present.get(number).is_none_or(|it| !it.observes);
    let found = numbers.iter().filter(follows).count();
    (2 * found > numbers.len()).then_some((next, changed))
}

/// Asks for what [`moved`] made, in one of two ways.
pub(super) fn good(next: &Members, changed: &[u8], rng: &mut Rng) -> Asked {
    if rng.chance(35) {
        return whole(next, rng);
    }
    let mut asked = Asked::default();
    let mut joining = Vec::new();
    let mut leaving = Vec::new();
    for number in shuffled(changed, rng) {
        match next.get(&number) {
            // It may leave and join at once.
            Some(shown) => {
                if rng.chance(10) {
                    leaving.push(number.to_string());
                }
                joining.push(line(number, *shown, rng));
            }
            None => leaving.push(number.to_string()),
        }
    }
    if !joining.is_empty() || rng.chance(30) {
        asked.joining = Some(joining.join(rng.pick(&[",", ",", " , ", ",,"])));
    }
    if !leaving.is_empty() || rng.chance(30) {
        asked.leaving = Some(leaving.join(rng.pick(&[",", ",", " , "])));
    }
    asked
}

/// A whole list, beside which nothing else counts.
fn whole(next: &Members, rng: &mut Rng) -> Asked {
    let numbers: Vec<u8> = next.keys().copied().collect();
    let mut lines = Vec::new();
    for number in shuffled(&numbers, rng) {
        if let Some(shown) = next.get(&number) {
            lines.push(line(number, *shown, rng));
        }
    }
    if rng.chance(30) {
        let more = rng.pick(&["version=7", "# all of them", "", "! as they are"]);
        lines.insert(rng.below(lines.len()), more.to_owned());
    }
    let junk = |rng: &mut Rng| rng.chance(15).then(|| "whatever".to_owned());
    Asked {
        joining: junk(rng),
        leaving: junk(rng),
        members: Some(lines.join(rng.pick(&[",", "\n", "\n", "\r\n", ",  "]))),
    }
}

fn shuffled(numbers: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut left = numbers.to_vec();
    let mut all = Vec::new();
    while !left.is_empty() {
        all.push(left.swap_remove(rng.below(left.len())));
    }
    all
}

/// What joins when nothing comes of it: those that are there as they are, and what is wrong.
const JOINING: [&str; 41] = [
    "",
    ",",
    "server.1={1};127.0.0.1:{1 client}",
    "server.2={2}:participant;127.0.0.1:{2 client},",
    " server.2 = {2}:participant;127.0.0.1:{2 client} ",
    "2={2};127.0.0.1:{2 client}",
    "any.thing.2={2};127.0.0.1:{2 client}",
    "server.2={2};127.0.0.1:{2 client}=",
    "server.2={2};127.0.0.1:{2 client};",
    "server.+2={2};127.0.0.1:{2 client}",
    "server.9",
    "server.9=",
    "=server.9",
    "server.x={2};127.0.0.1:{2 client}",
    "server.={2};127.0.0.1:{2 client}",
    "server. 4={4};127.0.0.1:{4 client}",
    "server.9=127.0.0.1",
    "server.9=127.0.0.1:1",
    "server.9=127.0.0.1:1:2",
    "server.9=127.0.0.1:1:1;3",
    "server.9=127.0.0.1:1:2;",
    "server.9=;3",
    "server.9=127.0.0.1:x:2;3",
    "server.9=127.0.0.1:1: 2;3",
    "server.9=127.0.0.1:1:2;x",
    "server.9=127.0.0.1:1:2;1:2:3",
    "server.9=127.0.0.1:1:70000;3",
    "server.9=127.0.0.1:-1:2;3",
    "server.9=127.0.0.1:1:2;70000",
    "server.9=127.0.0.1:3000000000:2;3",
    "server.9=127.0.0.1:1:2:boss;3",
    "server.9=127.0.0.1:1:2:;boss",
    "server.9=127.0.0.1:1:2:participant:more;3",
    "server.9=127.0.0.1:1:2|127.0.0.1:3:4;5",
    "server.8=192.0.2.1:1:2;3,server.9=192.0.2.1:1:4;5",
    "server.8=192.0.2.1:1:2;192.0.2.1:3,server.9=192.0.2.1:4:5;192.0.2.1:3",
    "server.8=192.0.2.1:1:2;192.0.2.1:3,server.9=192.0.2.1:3:5;6",
    "server.9=[::1:1:2;3",
    "server.9=[::1];3",
    "server.9=[::1]:1;3",
    "server.1",
];

/// What leaves when nothing comes of it.
const LEAVING: [&str; 14] = [
    "",
    ",",
    "9",
    "-1",
    " 9 , 8 ",
    "1,2,3,4,5",
    "2,3,4,5",
    "x",
    "server.3",
    "3.0",
    "1 2",
    "99999999999999999999",
    "server.1={1};127.0.0.1:{1 client}",
    "9;8",
];

/// Whole lists that cannot be.
const MEMBERS: [&str; 31] = [
    "",
    "\n",
    ",",
    "nothing",
    "# nothing",
    "version=1",
    "server.1",
    "server.1=",
    "clientPort=1,server.1={1},server.2={2}",
    "server.x={1}",
    "server.={1}",
    "servers.1={1},server.2={2}",
    "server.1={1};127.0.0.1:{1 client}",
    "server.1={1},server.1={1}",
    "server.1={1};127.0.0.1:{1 client} ,server.2={2}",
    "server.1={1}:observer",
    "server.1={1}:observer,server.2={2}:observer",
    "server.1={1},server.2={2}:observer",
    "server.1={1},server.2={2},version=x",
    "server.1={1},server.2={2},version=",
    "server.1={1}:boss,server.2={2}",
    "server.1={1},server.2=127.0.0.1:1:1",
    "server.1={1},server.2=127.0.0.1:1:70000",
    "server.1={1},server.2=127.0.0.1:1",
    "group.1=",
    "group.1=1",
    "group.1=1:2:1,server.1={1},server.2={2}",
    "group.1=1,server.1={1},server.2={2}",
    "group=1:2,server.1={1},server.2={2}",
    "group.1=1:2:x,server.1={1},server.2={2}",
    "weight.1=x,server.1={1},server.2={2}",
];

/// Nothing comes of this one: it is wrong, or asks for what is there.
pub(super) fn vain(rng: &mut Rng) -> Asked {
    let text = |of: &[&str], rng: &mut Rng| Some(rng.pick(of).to_owned());
    match rng.below(10) {
        0 => Asked::default(),
        1..=4 => Asked { joining: text(&JOINING, rng), ..Asked::default() },
        5 | 6 => Asked { leaving: text(&LEAVING, rng), ..Asked::default() },
        7 => Asked {
            joining: text(&JOINING, rng),
            leaving: text(&["", "9", "x"], rng),
            members: None,
        },
        _ => Asked {
            joining: rng.chance(20).then(|| "server.4={4};1".to_owned()),
            leaving: rng.chance(20).then(|| "3".to_owned()),
            members: text(&MEMBERS, rng),
        },
    }
}

/// More servers that are not there than there are others: no quorum of them can be had.
pub(super) fn nobody() -> Asked {
    let line = |number: u8| {
        let first = 10 * u16::from(number) - 50;
        format!("server.{number}=127.0.0.1:{first}:{};{}", first + 1, first + 2)
    };
    let lines: Vec<String> = (6..=11).map(line).collect();
    Asked { joining: Some(lines.join(",")), ..Asked::default() }
}
