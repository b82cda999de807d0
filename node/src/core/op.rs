//! Client requests, replies and watch events as plain data. Knows no bytes.
//! Source of shapes and numbers: the ZooKeeper 3.9 client protocol.

use std::sync::Arc;

use bytes::Bytes;

use super::names::Names;
use super::types::{Password, SessionId, Zxid};

/// ZooKeeper's error codes, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
#[allow(missing_docs)] // The names are ZooKeeper's own.
pub enum ErrorCode {
    Ok = 0,
    SystemError = -1,
    RuntimeInconsistency = -2,
    DataInconsistency = -3,
    MarshallingError = -5,
    Unimplemented = -6,
    OperationTimeout = -7,
    BadArguments = -8,
    NewConfigNoQuorum = -13,
    ReconfigInProgress = -14,
    ApiError = -100,
    NoNode = -101,
    NoAuth = -102,
    BadVersion = -103,
    NoChildrenForEphemerals = -108,
    NodeExists = -110,
    NotEmpty = -111,
    SessionExpired = -112,
    InvalidCallback = -113,
    InvalidAcl = -114,
    AuthFailed = -115,
    SessionMoved = -118,
    NotReadOnly = -119,
    EphemeralOnLocalSession = -120,
    NoWatcher = -121,
    RequestTimeout = -122,
    ReconfigDisabled = -123,
    SessionClosedRequireSaslAuth = -124,
    QuotaExceeded = -125,
    ThrottledOp = -127,
}

/// The 68 bytes that describe a znode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The names are ZooKeeper's own.
pub struct Stat {
    pub czxid: Zxid,
    pub mzxid: Zxid,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: Zxid,
}

/// Who somebody is under an authentication scheme.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// `world`, `auth`, `digest`, `ip`, `x509`, `sasl`, `super`.
    pub scheme: String,
    /// The scheme's own name for the caller.
    pub id: String,
}

/// One line of an access list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Acl {
    /// READ 1, WRITE 2, CREATE 4, DELETE 8, ADMIN 16.
    pub perms: i32,
    /// To whom.
    pub id: Id,
}

/// What a create makes, by the numbers that ZooKeeper's clients use, and two of our own.
#[allow(missing_docs)]
pub(crate) mod flags {
    pub(crate) const PERSISTENT: i32 = 0;
    pub(crate) const CONTAINER: i32 = 4;
    /// Only the op createContainer can ask for it, by flags of another kind.
    pub(crate) const CONTAINER_SEQUENTIAL: i32 = 7;
    /// None that there is.
    pub(crate) const INVALID: i32 = -1;
    /// The longest TTL: five bytes of milliseconds.
    pub(crate) const TTL_MAX: i64 = (1 << 40) - 1;
}

/// A create request in any of its four ops. Flags are judged when it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Full path.
    pub path: String,
    /// `None` is ZooKeeper's null buffer, distinct from empty.
    pub data: Option<Bytes>,
    /// `None` is a null vector.
    pub acl: Option<Vec<Acl>>,
    /// 0 persistent, 1 ephemeral, 2 persistent-seq, 3 ephemeral-seq, 4 container, 5 TTL, 6 TTL-seq;
    /// see [`flags`].
    pub flags: i32,
    /// Milliseconds; only with op createTTL.
    pub ttl: Option<i64>,
    /// create2, createContainer and createTTL answer with a Stat, create does not.
    pub with_stat: bool,
}

/// A request that goes through the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Write {
    Create(Create),
    Delete {
        path: String,
        version: i32,
    },
    SetData {
        path: String,
        data: Option<Bytes>,
        version: i32,
    },
    SetAcl {
        path: String,
        acl: Option<Vec<Acl>>,
        version: i32,
    },
    /// Only inside a multi.
    Check {
        path: String,
        version: i32,
    },
    /// Never holds another `Multi`, `SetAcl` nor `Reconfig`.
    Multi(Vec<Write>),
    Reconfig(Reconfig),
}

/// A change of the membership, as a client asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconfig {
    /// `server.N=...` of those that join, comma-separated.
    pub joining: Option<String>,
    /// Numbers of those that leave, comma-separated.
    pub leaving: Option<String>,
    /// All that there are to be; the other two lists mean nothing then.
    pub members: Option<String>,
    /// Of the configuration that it is meant for (`version=` there); -1 is any.
    pub version: i64,
    /// As few voters may be left: 2, or 1 with `standaloneEnabled=false`.
    pub least_voters: u8,
}

/// A request that the local state answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Read {
    Exists {
        path: String,
        watch: bool,
    },
    GetData {
        path: String,
        watch: bool,
    },
    GetAcl {
        path: String,
    },
    GetChildren {
        path: String,
        watch: bool,
        with_stat: bool,
    },
    GetAllChildrenNumber {
        path: String,
    },
    GetEphemerals {
        prefix: String,
    },
    /// Only `GetData` and `GetChildren`; sets no watch.
    MultiRead(Vec<Read>),
    WhoAmI,
}

/// What a watch waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub(crate) enum WatchKind {
    Data,
    Exist,
    Child,
    Persistent,
    PersistentRecursive,
}

/// Which watches `removeWatches` and `checkWatches` mean (wire values 1 to 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum WatcherType {
    Children = 1,
    Data = 2,
    Any = 3,
    Persistent = 4,
    PersistentRecursive = 5,
}

/// Watches that a client re-arms after it reconnected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SetWatches {
    /// The last zxid that the client saw.
    pub relative_zxid: Zxid,
    pub data: Vec<String>,
    pub exist: Vec<String>,
    pub child: Vec<String>,
    pub persistent: Vec<String>,
    pub persistent_recursive: Vec<String>,
    /// A null came behind these: what is before it counts, and the answer is MarshallingError.
    pub ends_early: bool,
}

impl SetWatches {
    /// How many there are.
    pub fn len(&self) -> usize {
        let lists = [&self.data, &self.exist, &self.child];
        let persistent = [&self.persistent, &self.persistent_recursive];
        lists.iter().chain(&persistent).map(|list| list.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Everything a client can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Read(Read),
    Write(Write),
    Sync {
        path: String,
    },
    Ping,
    Auth {
        scheme: String,
        /// `None` is a null buffer.
        auth: Option<Bytes>,
    },
    SetWatches(SetWatches),
    AddWatch {
        path: String,
        recursive: bool,
    },
    RemoveWatches {
        path: String,
        kind: WatcherType,
    },
    CheckWatches {
        path: String,
        kind: WatcherType,
    },
    Reconfig {
        joining: Option<String>,
        leaving: Option<String>,
        members: Option<String>,
        version: i64,
    },
    Sasl {
        token: Option<Bytes>,
    },
    Close,
    /// A known op whose body does not parse (or breaks a rule of form): answered with this error,
    /// the connection stays.
    Invalid(ErrorCode),
    /// An op that clients may not send: UNIMPLEMENTED with zxid -1, then the connection closes.
    Unknown(i32),
}

/// One framed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The client's number for it, echoed in the reply.
    pub xid: i32,
    /// What it asks.
    pub op: Op,
    /// Bytes of the frame, for counters.
    pub size: usize,
}

/// The first frame of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectRequest {
    /// The highest zxid that the client has seen.
    pub last_zxid_seen: Zxid,
    /// Wanted session timeout in milliseconds.
    pub timeout_ms: i32,
    /// 0 asks for a new session.
    pub session: SessionId,
    /// Of the session to reattach to.
    pub password: Option<Bytes>,
    /// `None`: the client is too old to know the flag, so the reply must not carry it.
    pub read_only: Option<bool>,
}

/// The answer to [`ConnectRequest`]. A refused session has timeout 0, session 0 and a zero password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct ConnectResponse {
    pub timeout_ms: i32,
    pub session: SessionId,
    pub password: Password,
    /// Sent only to clients that sent theirs.
    pub read_only: Option<bool>,
}

/// What a reply carries behind its header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Body {
    Empty,
    Path(String),
    Created {
        path: String,
        stat: Stat,
    },
    Stat(Stat),
    Data {
        data: Option<Bytes>,
        stat: Stat,
    },
    Acl {
        acl: Vec<Acl>,
        stat: Stat,
    },
    Children(Names),
    ChildrenStat {
        children: Names,
        stat: Stat,
    },
    Count(i32),
    Paths(Vec<String>),
    Ids(Vec<Id>),
    /// `addWatch` answers with an int 0.
    Zero,
    /// Token of a SASL step; `None` when done.
    Token(Option<Bytes>),
    Multi(Vec<MultiResult>),
}

/// One op's result inside a multi or multiRead.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MultiResult {
    /// The op's wire type and body. create2, createContainer and createTTL all answer type 15.
    Done {
        op: i32,
        body: Body,
    },
    Failed(ErrorCode),
}

/// One framed reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) struct Reply {
    pub xid: i32,
    pub zxid: Zxid,
    pub err: ErrorCode,
    /// Sent only when `err` is `Ok`, or with a SASL token.
    pub body: Body,
}

/// Why a watch fired (wire values 1 to 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum EventType {
    Created = 1,
    Deleted = 2,
    DataChanged = 3,
    ChildrenChanged = 4,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WatchEvent {
    /// Of the transaction that fired it; -1 for events made by setWatches.
    pub zxid: Zxid,
    /// What happened.
    pub kind: EventType,
    /// To which znode.
    pub path: Arc<str>,
}

/// Anything the server sends to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum ServerFrame {
    Connect(ConnectResponse),
    Reply(Reply),
    Event(WatchEvent),
}
