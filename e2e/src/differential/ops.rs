//! The ops of the protocol: name, and what a reply to each holds. Source:
//! `zookeeper.jute`, `ZooDefs.java`.

/// What a successful reply's body is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Nothing,
    Path,
    PathStat,
    Stat,
    DataStat,
    AclStat,
    Names,
    NamesStat,
    Int,
    Ids,
    Multi,
    Buffer,
    /// A step of SASL.
    Token,
}

/// A line of the table.
pub(super) struct Line {
    pub(super) op: i32,
    pub(super) name: &'static str,
    pub(super) reply: Shape,
}

const fn line(op: i32, name: &'static str, reply: Shape) -> Line {
    Line { op, name, reply }
}

pub(super) use quorate_zk::op::*;

/// All of them.
const TABLE: [Line; 31] = [
    line(CREATE, "create", Shape::Path),
    line(DELETE, "delete", Shape::Nothing),
    line(EXISTS, "exists", Shape::Stat),
    line(GET_DATA, "getData", Shape::DataStat),
    line(SET_DATA, "setData", Shape::Stat),
    line(GET_ACL, "getACL", Shape::AclStat),
    line(SET_ACL, "setACL", Shape::Stat),
    line(GET_CHILDREN, "getChildren", Shape::Names),
    line(SYNC, "sync", Shape::Path),
    line(PING, "ping", Shape::Nothing),
    line(GET_CHILDREN2, "getChildren2", Shape::NamesStat),
    line(CHECK, "check", Shape::Nothing),
    line(MULTI, "multi", Shape::Multi),
    line(CREATE2, "create2", Shape::PathStat),
    line(RECONFIG, "reconfig", Shape::DataStat),
    line(CHECK_WATCHES, "checkWatches", Shape::Nothing),
    line(REMOVE_WATCHES, "removeWatches", Shape::Nothing),
    line(CREATE_CONTAINER, "createContainer", Shape::PathStat),
    line(DELETE_CONTAINER, "deleteContainer", Shape::Nothing),
    line(CREATE_TTL, "createTTL", Shape::PathStat),
    line(MULTI_READ, "multiRead", Shape::Multi),
    line(AUTH, "auth", Shape::Nothing),
    line(SET_WATCHES, "setWatches", Shape::Nothing),
    line(SASL, "sasl", Shape::Token),
    line(GET_EPHEMERALS, "getEphemerals", Shape::Names),
    line(GET_ALL_CHILDREN_NUMBER, "getAllChildrenNumber", Shape::Int),
    line(SET_WATCHES2, "setWatches2", Shape::Nothing),
    line(ADD_WATCH, "addWatch", Shape::Int),
    line(WHO_AM_I, "whoAmI", Shape::Ids),
    line(CREATE_SESSION, "createSession", Shape::Buffer),
    line(CLOSE, "closeSession", Shape::Nothing),
];

/// An op's name, for humans.
pub(super) fn name(op: i32) -> String {
    let known = TABLE.iter().find(|line| line.op == op);
    known.map_or_else(|| format!("op {op}"), |line| line.name.to_owned())
}

/// What a successful reply to an op holds.
pub(super) fn reply(op: i32) -> Shape {
    let known = TABLE.iter().find(|line| line.op == op);
    known.map_or(Shape::Nothing, |line| line.reply)
}

/// The numbers of all ops in the table.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = i32> {
    TABLE.iter().map(|line| line.op)
}
