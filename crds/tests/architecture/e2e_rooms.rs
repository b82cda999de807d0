//! The rooms of the end-to-end suite, and of the client that it shares with the node's tests: what
//! each may name.

use crate::room::{OPEN, Room};

/// What speaks of Kubernetes.
const KUBERNETES: &[&str] = &["kube", "k8s_openapi", "quorate_crds"];

pub(crate) const ROOMS: &[Room] = &[
    // It builds on nothing, least of all on what it is held against.
    Room {
        place: "e2e/zk/src",
        only: &["crate", "std::error::Error", "std::fmt", "std::io", "std::iter", "std::str"],
        ..OPEN
    },
    Room {
        place: "e2e/cluster",
        unsaid: &["CoordinationEnsemble", "quorate-node", "quorate-operator"],
        ..OPEN
    },
    // What all of the suite uses builds on nothing of it.
    Room { place: "e2e/src/common", own: &["crate::common"], never: KUBERNETES, ..OPEN },
    Room {
        place: "e2e/src/clients",
        own: &["crate::clients", "crate::common"],
        never: KUBERNETES,
        ..OPEN
    },
    // What brings the stage up does not know who plays on it.
    Room {
        place: "e2e/src/stage",
        own: &["crate::stage", "crate::clients", "crate::common"],
        ..OPEN
    },
    Room {
        place: "e2e/src/watch",
        own: &["crate::watch", "crate::clients", "crate::common", "crate::stage"],
        never: &["crate::stage::cluster", "crate::stage::helm", "crate::stage::image"],
        ..OPEN
    },
    Room {
        place: "e2e/src/tests",
        own: &["crate::tests", "crate::clients", "crate::common", "crate::stage", "crate::watch"],
        ..OPEN
    },
    Room {
        place: "e2e/src/local",
        own: &["crate::local", "crate::common"],
        never: KUBERNETES,
        ..OPEN
    },
    Room {
        place: "e2e/src/compat",
        own: &[
            "crate::compat",
            "crate::clients",
            "crate::common",
            "crate::local",
            "crate::watch::writer",
        ],
        never: KUBERNETES,
        ..OPEN
    },
    Room {
        place: "e2e/compat",
        unsaid: &["quorate-node", "quorate_node", "quorate-operator"],
        ..OPEN
    },
    Room {
        place: "e2e/src/differential",
        own: &["crate::differential", "crate::clients::session", "crate::common", "crate::local"],
        never: KUBERNETES,
        ..OPEN
    },
    Room {
        place: "e2e/src/bench",
        own: &["crate::bench", "crate::common", "crate::local"],
        never: KUBERNETES,
        ..OPEN
    },
    Room {
        place: "e2e/src",
        except: &["e2e/src/world"],
        never: &["quorate_node", "quorate_operator"],
        ..OPEN
    },
    // One seed, one thread, no cluster: the same seed is the same run.
    Room {
        place: "e2e/src/world",
        never: &[
            "kube::Client",
            "rustix",
            "std::collections::HashMap",
            "std::collections::HashSet",
            "std::fs",
            "std::net::TcpListener",
            "std::net::TcpStream",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
            "tokio",
            "zookeeper_client",
        ],
        ..OPEN
    },
];
