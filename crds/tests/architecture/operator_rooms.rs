//! The rooms of the operator: what each may name.

use crate::room::{OPEN, Room};

/// What writes to the API server.
const WRITES: &[&str] = &[
    "create",
    "patch",
    "patch_status",
    "patch_metadata",
    "patch_scale",
    "replace",
    "replace_status",
    "replace_scale",
    "delete",
    "delete_collection",
    "evict",
    "entry",
    "call",
];
/// What reads from it.
const READS: &[&str] = &[
    "get_opt",
    "get_metadata",
    "get_metadata_opt",
    "get_status",
    "get_scale",
    "list",
    "list_metadata",
    "watch",
    "watch_metadata",
    "ask",
];

pub(crate) const ROOMS: &[Room] = &[
    Room {
        place: "operator/src/watches.rs",
        own: &[
            "crate::watches",
            "crate::cache",
            "crate::causes",
            "crate::health",
            "crate::observability",
            "crate::tell",
        ],
        uncalled: WRITES,
        ..OPEN
    },
    Room {
        place: "operator/src/cache.rs",
        own: &["crate::cache", "crate::plan::names", "crate::plan::object"],
        never: &["kube::Api", "kube::Client", "tokio"],
        ..OPEN
    },
    Room {
        place: "operator/src/keeper.rs",
        never: &["crate::api", "crate::apply", "crate::member_api", "kube::Api", "kube::Client"],
        ..OPEN
    },
    Room { place: "operator/src/pace.rs", only: &["crate::pace", "std::time::Duration"], ..OPEN },
    Room {
        place: "operator/src/members.rs",
        own: &["crate::members", "crate::member_api", "crate::plan"],
        never: &["k8s_openapi", "kube"],
        ..OPEN
    },
    Room {
        place: "operator/src/reconcile.rs",
        never: &["crate::api", "crate::member_api", "kube::Api", "kube::Client"],
        ..OPEN
    },
    Room {
        place: "operator/src/observe.rs",
        own: &[
            "crate::observe",
            "crate::api",
            "crate::cache",
            "crate::error",
            "crate::plan::desired",
            "crate::plan::image",
            "crate::plan::names",
            "crate::plan::object",
            "crate::said",
            "crate::sight",
        ],
        never: &[
            "kube::api::DeleteParams",
            "kube::api::EvictParams",
            "kube::api::Patch",
            "kube::api::PatchParams",
            "kube::api::PostParams",
        ],
        uncalled: WRITES,
        ..OPEN
    },
    Room {
        place: "operator/src/plan",
        only: &[
            "crate::plan",
            "crate::mutants::planted",
            "std::cmp",
            "std::collections::BTreeMap",
            "std::collections::BTreeSet",
            "std::fmt",
            "k8s_openapi",
            "quorate_crds",
            "serde",
            "serde_json",
            "sha1",
        ],
        ..OPEN
    },
    Room {
        place: "operator/src/plan/invariants.rs",
        never: &[
            "crate::plan::desired",
            "crate::plan::events",
            "crate::plan::membership",
            "crate::plan::conditions",
            "crate::plan::status",
            "crate::plan::step",
            "crate::plan::target",
            "crate::plan::waiting",
        ],
        ..OPEN
    },
    Room { place: "operator/src/mutants.rs", never: &["crate::plan", "kube"], ..OPEN },
    Room {
        place: "operator/src/requests.rs",
        only: &[
            "crate::requests",
            "crate::mutants::planted",
            "crate::plan::action",
            "crate::plan::names",
            "crate::plan::object",
            "crate::plan::observed",
            "k8s_openapi::ByteString",
            "quorate_crds",
            "serde_json",
        ],
        ..OPEN
    },
    Room {
        place: "operator/src/refusals.rs",
        only: &[
            "crate::refusals",
            "crate::mutants::planted",
            "crate::plan::action",
            "crate::plan::conditions::Stated",
            "crate::plan::names",
            "crate::plan::object",
            "k8s_openapi",
            "quorate_crds",
            "serde_json",
        ],
        ..OPEN
    },
    Room {
        place: "operator/src/sight.rs",
        only: &[
            "crate::sight",
            "crate::mutants::planted",
            "crate::owned",
            "crate::plan::image",
            "crate::plan::names",
            "crate::plan::object",
            "crate::plan::observed",
            "crate::plan::pin",
            "crate::pods",
            "k8s_openapi",
            "quorate_crds",
            "serde_json",
            "std::collections::BTreeMap",
        ],
        ..OPEN
    },
    Room {
        place: "operator/src/apply.rs",
        own: &[
            "crate::apply",
            "crate::api",
            "crate::error",
            "crate::member_api",
            "crate::plan::action",
            "crate::plan::names",
            "crate::plan::object",
            "crate::requests",
            "crate::sight",
        ],
        never: &["kube::api::ListParams", "kube::api::WatchParams"],
        uncalled: READS,
        ..OPEN
    },
    Room {
        place: "operator/src/lease.rs",
        own: &["crate::lease", "crate::causes"],
        never: &["quorate_crds"],
        ..OPEN
    },
];
