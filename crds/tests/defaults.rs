//! What a user leaves out is what the schema says it is.

use quorate_crds::CoordinationEnsembleSpec;
use serde_json::{Value, json};

#[test]
fn leaving_a_part_out_means_the_same_as_leaving_it_empty() {
    let spec = |value: Value| -> Value {
        let spec: CoordinationEnsembleSpec = serde_json::from_value(value).expect("a valid spec");
        serde_json::to_value(spec).expect("it can be written")
    };
    let absent = spec(json!({}));
    let default = serde_json::to_value(CoordinationEnsembleSpec::default());
    assert_eq!(default.expect("it can be written"), absent, "all");
    for part in ["storage", "config", "pod", "rollout", "membership"] {
        assert_eq!(spec(json!({ part: {} })), absent, "{part}");
    }
    assert_eq!(spec(json!({ "config": { "snapshot": {} } })), absent, "snapshot");
}
