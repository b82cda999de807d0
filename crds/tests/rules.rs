//! The schema's rules, evaluated as an API server does it: what they refuse, with which words, and
//! that a bad value of before can be mended.

use kube::CustomResourceExt as _;
use kube_cel::Validator;
use quorate_crds::CoordinationEnsemble;
use quorate_crds::quantity::Amount;
use serde_json::{Value, json};

/// The schema of a resource.
fn schema() -> Value {
    let crd = serde_json::to_value(CoordinationEnsemble::crd()).expect("a definition");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// What the rules say of a resource that was another one before; empty if it may be.
fn said(new: &Value, old: Option<&Value>) -> String {
    match Validator::new().validate(&schema(), new, old) {
        Ok(()) => String::new(),
        Err(errors) => errors.iter().map(|error| format!("{error}\n")).collect(),
    }
}

fn ensemble(size: &Value) -> Value {
    json!({ "metadata": { "name": "zk" }, "spec": { "storage": { "size": size } } })
}

#[test]
fn a_size_is_a_quantity_that_holds_data() {
    let quantity = "storage.size must be a quantity";
    let least = "storage.size must be at least 128Mi";
    for (size, expected) in [
        (json!("lots"), quantity),
        (json!("10GiB"), quantity),
        (json!(""), quantity),
        (json!("10Mi"), least),
        (json!("127Mi"), least),
        (json!("-10Gi"), least),
        (json!(1024), least),
    ] {
        let said = said(&ensemble(&size), None);
        assert!(said.contains(expected), "{size}: {said:?}");
        assert_eq!(said.lines().count(), 1, "{size}: {said:?}");
    }
    for size in [json!("128Mi"), json!("1Gi"), json!("0.5Ti"), json!("10e9"), json!(1u64 << 30)] {
        assert_eq!(said(&ensemble(&size), None), "", "{size}");
    }
}

#[test]
fn a_size_only_grows_whatever_it_is_spelled_like() {
    for (old, new, grows) in [
        ("1Gi", "1024Mi", true),
        ("1024Mi", "1Gi", true),
        ("1Gi", "1.5Gi", true),
        ("1Gi", "1000Mi", false),
        ("2G", "1Gi", false),
    ] {
        let said = said(&ensemble(&json!(new)), Some(&ensemble(&json!(old))));
        assert_eq!(said.is_empty(), grows, "{old} to {new}: {said}");
        assert!(grows || said.contains("storage.size cannot shrink"), "{said}");
    }
    let said = said(&ensemble(&json!(2u64 << 30)), Some(&ensemble(&json!("1Gi"))));
    assert_eq!(said, "", "a number without a suffix");
}

#[test]
fn a_bad_size_of_before_can_be_mended() {
    for old in [json!("lots"), json!("10Mi"), json!("")] {
        assert_eq!(said(&ensemble(&json!("10Gi")), Some(&ensemble(&old))), "", "{old}");
    }
}

/// What the pattern lets pass is what the operator can read.
#[test]
fn the_pattern_of_a_size_is_that_of_quantities() {
    let schema = schema();
    let size = &schema["properties"]["spec"]["properties"]["storage"]["properties"]["size"];
    let pattern = size["pattern"].as_str().expect("a pattern");
    for (text, expected) in [
        ("10Gi", true),
        ("1.5Gi", true),
        ("1.", true),
        (".5Ti", true),
        ("+1G", true),
        ("1e10", true),
        ("lots", false),
        ("1GiB", false),
        ("1.2.3Gi", false),
        ("Gi", false),
        (".", false),
        ("1 Gi", false),
        ("1e", false),
    ] {
        let rule = json!({
            "type": "string",
            "x-kubernetes-validations": [{ "rule": format!("self.matches(r'{pattern}')") }],
        });
        let matches = Validator::new().validate(&rule, &json!(text), None).is_ok();
        assert_eq!(matches, expected, "{text}");
        assert_eq!(Amount::parse(text).is_some(), expected, "{text}");
    }
    assert_ne!(size["nullable"], json!(true), "null is no size");
}

#[test]
fn the_kind_and_its_fields_say_what_they_do() {
    let schema = schema();
    let text = schema["description"].as_str().expect("the kind's own text");
    assert!(text.contains("ZooKeeper") && !text.contains("Auto-generated"), "{text}");
    let storage = &schema["properties"]["spec"]["properties"]["storage"]["properties"];
    let text = storage["reclaimPolicy"]["description"].as_str().expect("a text");
    assert!(text.contains("Retain") && text.contains("Delete"), "{text}");
}

/// Every bad example is refused in its words, as far as they are a rule's.
#[test]
fn bad_examples_are_refused_in_their_words() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/refused");
    let mut rules = 0;
    for entry in std::fs::read_dir(folder).expect("bad examples") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("an example");
        let first = text.lines().next().unwrap_or_default();
        let expected = first.strip_prefix("# expect: ").expect("what to expect");
        if expected.starts_with("spec.") {
            continue;
        }
        let example: Value = serde_yaml::from_str(&text).expect("YAML");
        let said = said(&example, None);
        assert!(said.contains(expected), "{}: {said:?}", path.display());
        rules += 1;
    }
    assert!(rules > 5, "only {rules} examples break a rule");
}
