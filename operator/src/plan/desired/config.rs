//! The members' zoo.cfg, in an immutable configuration map that is named after its content: a
//! change makes a new map, and a pod never sees its configuration change under it.

use quorate_crds::ensemble::ConfigSpec;
use serde_json::json;
use sha1::{Digest, Sha1};

use crate::plan::names::{GENERATION, Names};
use crate::plan::object::{Kind, Object};
use crate::plan::observed::Observed;

/// Connections of one address. ZooKeeper's 60 are for machines that are a client each; here the
/// address may be a node's, which stands for all pods on its network and for whatever it translates.
/// One client that leaks connections still must not take all.
const PER_ADDRESS: &str = "maxClientCnxns";

/// The file's text. Membership is not in it: the members know it by consensus.
pub(super) fn text(config: &ConfigSpec) -> String {
    let mut text = format!("tickTime={}\n", config.tick_time_ms);
    let mut put = |key: &str, value: String| text += &format!("{key}={value}\n");
    if let Some(min) = config.session_timeout_min_ms {
        put("minSessionTimeout", min.to_string());
    }
    if let Some(max) = config.session_timeout_max_ms {
        put("maxSessionTimeout", max.to_string());
    }
    put("snapCount", config.snapshot.every_entries.to_string());
    put("autopurge.snapRetainCount", config.snapshot.retain.to_string());
    if !config.extra.contains_key(PER_ADDRESS) {
        put(PER_ADDRESS, "1000".to_owned());
    }
    for (key, value) in &config.extra {
        put(key, value.replace(['\n', '\r'], " "));
    }
    text
}

/// What tells this content from any other.
pub(super) fn hash(config: &ConfigSpec) -> String {
    let digest = Sha1::digest(text(config).as_bytes());
    digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect()
}

/// The map's name.
pub(super) fn name(config: &ConfigSpec, names: &Names) -> String {
    names.config_prefix() + &hash(config)
}

/// The map. It is marked with the newest spec that wants it: a late deletion, decided while an
/// older spec did not, meets another version of it and is refused.
pub(super) fn map(observed: &Observed, names: &Names) -> Object {
    let config = &observed.ensemble.spec.config;
    let fields = json!({ "immutable": true, "data": { "zoo.cfg": text(config) } });
    Object::new(names, Kind::ConfigMap, name(config, names), fields)
        .annotated(GENERATION, observed.generation().to_string())
}
