//! The rooms of ARCHITECTURE.md, and what each may name. A row of its table has a rule here, and
//! a rule a row.

use crate::room::{OPEN, Room};
use crate::{e2e_rooms, operator_rooms};

/// All of them; the first is the strictest.
pub(crate) fn rooms() -> impl Iterator<Item = &'static Room> + Clone {
    ROOMS.iter().chain(operator_rooms::ROOMS).chain(e2e_rooms::ROOMS)
}

const ROOMS: &[Room] = &[
    // No clock, files, sockets, threads, async or ambient randomness; no `HashMap` either, whose
    // order differs from run to run. Only tests can name `proptest`, a development dependency.
    Room {
        place: "node/src/core",
        only: &[
            "crate::core",
            "std::cmp",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::collections::VecDeque",
            "std::collections::btree_map",
            "std::fmt",
            "std::mem",
            "std::net::IpAddr",
            "std::ops",
            "std::str",
            "std::sync::Arc",
            "base64",
            "bytes",
            "md5",
            "sha1",
            "subtle",
            "proptest",
        ],
        ..OPEN
    },
    Room { place: "node/src/core/auth", own: &["crate::core::auth"], ..OPEN },
    // Entries are carried, not read: of their payload only membership is consensus's own.
    Room {
        place: "node/src/core/raft",
        own: &[
            "crate::core::raft",
            "crate::core::entry::Entry",
            "crate::core::entry::Payload",
            "crate::core::options::Options",
            "crate::core::prng",
            "crate::core::types",
        ],
        never: &[
            "crate::core::types::ConnId",
            "crate::core::types::Password",
            "crate::core::types::SessionId",
            "crate::core::types::Wall",
            "crate::core::types::Zxid",
            "bytes",
        ],
        ..OPEN
    },
    // Whoever is in it leads: it neither sees nor touches elections.
    Room {
        place: "node/src/core/raft/leader",
        own: &[
            "crate::core::entry::Entry",
            "crate::core::entry::Payload",
            "crate::core::raft::config",
            "crate::core::raft::event",
            "crate::core::raft::leader",
            "crate::core::raft::log",
            "crate::core::raft::peer_view",
            "crate::core::raft::quorum",
            "crate::core::raft::settings",
            "crate::core::raft::transfer",
            "crate::core::raft::writes",
            "crate::core::types",
        ],
        ..OPEN
    },
    Room {
        place: "node/src/core/state",
        own: &[
            "crate::core::state",
            "crate::core::auth",
            "crate::core::entry",
            "crate::core::names",
            "crate::core::op",
            "crate::core::options::StaticServer",
            "crate::core::raft::config",
            "crate::core::types",
        ],
        never: &[
            "crate::core::types::ConnId",
            "crate::core::types::LinkId",
            "crate::core::types::Mono",
            "crate::core::types::Now",
        ],
        ..OPEN
    },
    Room { place: "node/src/core/node", never: &["crate::codec", "crate::shell"], ..OPEN },
    // Wings do not know each other, nor the hub that calls them.
    Room {
        place: "node/src/core/node/clients",
        never: &[
            "crate::core::node::Node",
            "crate::core::node::ensemble",
            "crate::core::node::replica",
            "crate::core::node::requests",
        ],
        tests: false,
        ..OPEN
    },
    Room {
        place: "node/src/core/node/ensemble",
        never: &[
            "crate::core::node::Node",
            "crate::core::node::clients",
            "crate::core::node::replica",
            "crate::core::node::requests",
        ],
        tests: false,
        ..OPEN
    },
    Room {
        place: "node/src/core/node/replica",
        never: &[
            "crate::core::node::Node",
            "crate::core::node::clients",
            "crate::core::node::ensemble",
            "crate::core::node::requests",
        ],
        tests: false,
        ..OPEN
    },
    Room {
        place: "node/src/core/node/requests",
        never: &[
            "crate::core::node::Node",
            "crate::core::node::clients",
            "crate::core::node::ensemble",
            "crate::core::node::replica",
        ],
        tests: false,
        ..OPEN
    },
    Room {
        place: "node/src/core/import",
        never: &["crate::core::node", "crate::core::raft"],
        ..OPEN
    },
    Room { place: "node/src/core/recovery", never: &["crate::core::node", "bytes"], ..OPEN },
    Room {
        place: "node/src/core/watch.rs",
        own: &[
            "crate::core::watch",
            "crate::core::op",
            "crate::core::state::changes",
            "crate::core::types::ConnId",
            "crate::core::types::Zxid",
        ],
        ..OPEN
    },
    Room {
        place: "node/src/codec",
        only: &[
            "crate::codec",
            "crate::core",
            "std::collections::BTreeMap",
            "std::collections::VecDeque",
            "std::fmt",
            "std::iter",
            "std::mem",
            "std::str",
            "std::sync::Arc",
            "bytes",
            "adler2",
            "crc32c",
            "thiserror",
            "proptest",
        ],
        never: &[
            "crate::core::auth",
            "crate::core::effect",
            "crate::core::node",
            "crate::core::raft::Raft",
            "crate::core::watch",
        ],
        ..OPEN
    },
    // It reads files that it is pointed at, and writes none.
    Room {
        place: "node/src/config",
        own: &["crate::config", "crate::codec::four_letter", "crate::core"],
        never: &[
            "crate::core::node",
            "crate::core::raft::Raft",
            "std::env",
            "std::fs",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::net::UdpSocket",
            "std::process",
            "std::sync",
            "std::thread",
            "std::time",
            "rustls",
            "socket2",
            "tokio",
            "tracing",
        ],
        tests: false,
        ..OPEN
    },
    Room {
        place: "node/src/program.rs",
        own: &["crate::config", "crate::program", "crate::shell"],
        never: &["crate::shell::driver", "std::fs", "std::net"],
        ..OPEN
    },
    Room {
        place: "node/src/shell",
        never: &[
            "crate::config",
            "crate::core::auth",
            "crate::core::raft::Raft",
            "crate::core::raft::quorum",
            "crate::core::state::acl",
            "crate::core::state::apply",
            "crate::core::state::tree",
            "crate::core::state::write",
            "crate::core::watch",
            "crate::sim",
        ],
        ..OPEN
    },
    Room {
        place: "node/src/shell/inspect",
        never: &["crate::shell::admin", "axum", "hyper", "std::net", "tokio"],
        ..OPEN
    },
    Room {
        place: "node/src/shell/metrics",
        own: &["crate::shell::metrics", "crate::codec::four_letter", "crate::core"],
        never: &["axum", "hyper", "socket2", "std::net", "tokio"],
        ..OPEN
    },
    Room {
        place: "node/src/shell/tls",
        own: &["crate::shell::tls", "crate::shell::metrics", "crate::codec::x500"],
        ..OPEN
    },
    Room {
        place: "node/src/shell/disk",
        own: &[
            "crate::shell::disk",
            "crate::codec",
            "crate::core::entry::Entry",
            "crate::core::entry::Payload",
            "crate::core::import",
            "crate::core::input::Snapshot",
            "crate::core::raft::config",
            "crate::core::raft::event",
            "crate::core::recovery",
            "crate::core::state::State",
            "crate::core::state::image",
            "crate::core::types",
        ],
        never: &["axum", "hyper", "socket2", "std::net", "tokio"],
        ..OPEN
    },
    // A seed decides everything: the same seed is the same run.
    Room {
        place: "node/src/sim",
        only: &[
            "crate::sim",
            "crate::codec",
            "crate::core",
            "std::cmp",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::collections::BinaryHeap",
            "std::collections::VecDeque",
            "std::collections::btree_map",
            "std::fmt",
            "std::iter",
            "std::mem",
            "std::net::IpAddr",
            "std::net::Ipv4Addr",
            "std::ops",
            "std::panic",
            "std::str",
            "std::sync::Arc",
            "bytes",
            "crc32c",
            "md5",
            "sha1",
        ],
        ..OPEN
    },
    Room {
        place: "crds/src",
        only: &[
            "crate",
            "k8s_openapi",
            "kube::CELSchema",
            "kube::CustomResource",
            "kube::CustomResourceExt",
            "kube::KubeSchema",
            "kube::core",
            "quorate_crds",
            "schemars",
            "serde",
            "serde_json",
            "serde_yaml",
            "std::collections::BTreeMap",
            "std::error::Error",
            "std::fmt",
        ],
        ..OPEN
    },
];
