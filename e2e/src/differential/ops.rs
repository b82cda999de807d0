//! The ops of the protocol: number, name, and what a reply to each holds. Source:
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

pub(super) const CREATE: i32 = 1;
pub(super) const DELETE: i32 = 2;
pub(super) const EXISTS: i32 = 3;
pub(super) const GET_DATA: i32 = 4;
pub(super) const SET_DATA: i32 = 5;
pub(super) const GET_ACL: i32 = 6;
pub(super) const SET_ACL: i32 = 7;
pub(super) const GET_CHILDREN: i32 = 8;
pub(super) const SYNC: i32 = 9;
pub(super) const PING: i32 = 11;
pub(super) const GET_CHILDREN2: i32 = 12;
pub(super) const CHECK: i32 = 13;
pub(super) const MULTI: i32 = 14;
pub(super) const CREATE2: i32 = 15;
pub(super) const RECONFIG: i32 = 16;
pub(super) const CHECK_WATCHES: i32 = 17;
pub(super) const REMOVE_WATCHES: i32 = 18;
pub(super) const CREATE_CONTAINER: i32 = 19;
pub(super) const DELETE_CONTAINER: i32 = 20;
pub(super) const CREATE_TTL: i32 = 21;
pub(super) const MULTI_READ: i32 = 22;
pub(super) const AUTH: i32 = 100;
pub(super) const SET_WATCHES: i32 = 101;
pub(super) const SASL: i32 = 102;
pub(super) const GET_EPHEMERALS: i32 = 103;
pub(super) const GET_ALL_CHILDREN_NUMBER: i32 = 104;
pub(super) const SET_WATCHES2: i32 = 105;
pub(super) const ADD_WATCH: i32 = 106;
pub(super) const WHO_AM_I: i32 = 107;
pub(super) const CREATE_SESSION: i32 = -10;
pub(super) const CLOSE: i32 = -11;

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
