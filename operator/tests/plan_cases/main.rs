//! The plan by example: `cases/*.yaml` say what was seen and what is to come of it.
//!
//! A case names the `base` that it starts from (a file of `cases/base`) and, under `given`, what
//! differs from it, as a JSON merge patch: `null` removes. What an observation lists is a map here,
//! so that a patch can reach one entry: `pods` and `members` by the pod's name, `configMaps` by
//! name, members of a configuration and `peers` by member id. A `config` at the top is what every
//! member says that states none of its own.
//!
//! `expect` holds every action, the operation, the StatefulSet's size as applied (`null`: nothing
//! is applied) and the seconds to the next look; and of the conditions and the applied objects what
//! it names. To add a case, write it without `expect`: the test fails and prints what came out.

mod golden;
mod upgrades;

use std::fs;
use std::path::{Path, PathBuf};

use quorate_operator::plan::action::{Action, Cause, Plan};
use quorate_operator::plan::broken::Broken;
use quorate_operator::plan::desired;
use quorate_operator::plan::invariants;
use quorate_operator::plan::names::Names;
use quorate_operator::plan::object::{Kind, ObjectKey};
use quorate_operator::plan::observed::Observed;
use quorate_operator::plan::plan;
use quorate_operator::plan::view::View;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A file of `cases`, or of `cases/base` without what is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it is about, for readers.
    #[serde(rename = "about")]
    _about: String,
    base: Option<String>,
    #[serde(default)]
    given: Map<String, Value>,
    #[serde(default)]
    expect: Value,
}

#[test]
fn every_case_leads_to_the_plan_that_it_expects() {
    let folder = folder();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("the folder of cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no case in {}", folder.display());
    let failures: Vec<String> = files.iter().filter_map(|path| failure(path)).collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases failed (- expected, + came out):\n\n{}",
        failures.len(),
        files.len(),
        failures.join("\n")
    );
}

/// Whose objects are looked up is decided before they can be made.
#[test]
fn every_object_that_is_applied_was_looked_up() {
    for name in ["three", "five", "new"] {
        let observed = observed(&read(&folder().join(format!("base/{name}.yaml"))));
        let names = Names::of(&observed.ensemble, &observed.cluster_domain);
        let applied = plan(&observed).objects.into_iter().map(|object| object.key);
        let applied: Vec<ObjectKey> = applied.collect();
        assert_eq!(desired::keys(&observed.ensemble, &names), applied, "{name}");
    }
}

#[test]
fn members_run_the_image_that_is_wanted_and_pull_it_as_wanted() {
    for (name, image, policy) in [
        ("base/new", "quorate:1", "IfNotPresent"),
        ("image-pull-settings-alone", "quorate:1", "Always"),
        ("image-of-the-operators-default", "registry:5000/quorate:2", "Never"),
    ] {
        let plan = plan(&observed(&read(&folder().join(format!("{name}.yaml")))));
        let set = plan.objects.iter().find(|it| it.key.kind == Kind::StatefulSet);
        let body = set.expect("a StatefulSet").body();
        let container = &body["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["image"], image, "{name}");
        assert_eq!(container["imagePullPolicy"], policy, "{name}");
        assert_eq!(plan.status.and_then(|status| status.image).as_deref(), Some(image), "{name}");
    }
}

/// A raise cannot be taken back, so whoever proposes it, it is checked once more.
#[test]
fn a_version_is_raised_only_where_all_members_know_it_and_serve_stably() {
    let check = |version: i32, given: Value| {
        let mut case = read(&folder().join("base/upgraded.yaml"));
        merge_into(&mut case.given, given);
        let observed = observed(&case);
        let names = Names::of(&observed.ensemble, &observed.cluster_domain);
        let ensemble_id = "e1".to_owned();
        let action = Action::RaiseVersion { leader: 0, ensemble_id, expected: 7, version };
        invariants::check(&observed, &names, &View::of(&observed), &action)
    };
    assert_eq!(check(2, json!({})), Ok(()));
    assert_eq!(check(3, json!({})), Err(Broken::VersionUnknown));
    let mixed = json!({ "statefulSet": { "updateRevision": "rev-2" } });
    assert_eq!(check(2, mixed), Err(Broken::NotStable));
    let unready = json!({ "pods": { "zk-1": { "ready": false } } });
    assert_eq!(check(2, unready), Err(Broken::NotStable));
    let going = json!({ "pods": { "zk-1": { "deleting": true } } });
    assert_eq!(check(2, going), Err(Broken::NotStable));
    let growing = json!({ "ensemble": { "spec": { "replicas": 5 } } });
    assert_eq!(check(2, growing), Err(Broken::NotStable));
    let unapplied = json!({ "statefulSet": { "ensembleGeneration": 0 } });
    assert_eq!(check(2, unapplied), Err(Broken::NotStable));
    let other = json!({ "config": { "version": 8 } });
    assert_eq!(check(2, other), Err(Broken::OtherConfiguration));
}

/// Whoever proposes it: when a bad image halts and nobody is ready, each pod stays.
#[test]
fn a_voter_that_may_come_back_is_not_given_an_image_that_has_not_worked() {
    let case = read(&folder().join("repair-not-while-a-bad-image-halts.yaml"));
    let mut observed = observed(&case);
    for at in [0, 1] {
        observed.pods[at].turn = true;
        let pod = &observed.pods[at];
        let action = Action::DeletePod {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: pod.resource_version.clone(),
            cause: Cause::NotServing,
        };
        let names = Names::of(&observed.ensemble, &observed.cluster_domain);
        let checked = invariants::check(&observed, &names, &View::of(&observed), &action);
        assert_eq!(checked, Err(Broken::MayComeBack), "{}", pod.name);
        observed.pods[at].turn = false;
    }
}

fn merge_into(given: &mut Map<String, Value>, patch: Value) {
    let mut value = Value::Object(std::mem::take(given));
    merge(&mut value, &patch);
    if let Value::Object(merged) = value {
        *given = merged;
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn failure(path: &Path) -> Option<String> {
    let case = read(path);
    let observed = observed(&case);
    let came = outcome(&plan(&observed), &case.expect);
    let name = path.file_name().unwrap_or_default().display();
    (came != case.expect).then(|| format!("{name}\n{}", diff(&yaml(&case.expect), &yaml(&came))))
}

fn read(path: &Path) -> Case {
    let name = path.display();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The base, and the bases of it, with what each patches.
fn given(case: &Case) -> Value {
    let Some(base) = &case.base else {
        return case.given.clone().into();
    };
    let mut value = given(&read(&folder().join(format!("base/{base}.yaml"))));
    merge(&mut value, &case.given.clone().into());
    value
}

fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            into.as_object_mut().map(|object| object.remove(key));
        } else {
            merge(&mut into[key], value);
        }
    }
}

fn observed(case: &Case) -> Observed {
    let mut seen = given(case);
    let object = seen.as_object_mut().expect("a map");
    let config = object.remove("config").unwrap_or(Value::Null);
    for key in ["pods", "members"] {
        list(&mut seen[key], |name, entry| {
            let ordinal = name.rsplit('-').next().and_then(|it| it.parse::<i32>().ok());
            entry["ordinal"] = json!(ordinal.expect("a pod's name"));
            if key == "pods" {
                entry["name"] = json!(name);
                return;
            }
            if entry["config"].is_null() {
                entry["config"] = config.clone();
            }
            let by_id = |id: &str, it: &mut Value| it["memberId"] = json!(id);
            list(&mut entry["config"]["members"], by_id);
            list(&mut entry["peers"], by_id);
        });
    }
    list(&mut seen["configMaps"], |name, it| it["name"] = json!(name));
    serde_json::from_value(seen).expect("an observation")
}

/// Makes a list of a map, each entry told its key.
fn list(value: &mut Value, tell: impl Fn(&str, &mut Value)) {
    let entries = value.as_object_mut().map(std::mem::take).unwrap_or_default();
    let told = entries.into_iter().map(|(key, mut entry)| {
        tell(&key, &mut entry);
        entry
    });
    *value = told.collect();
}

/// What came out, as `expect` says it.
fn outcome(plan: &Plan, expect: &Value) -> Value {
    let set = plan.objects.iter().find(|it| it.key.kind == Kind::StatefulSet);
    let mut operation = json!(plan.status.as_ref().and_then(|it| it.operation.as_ref()));
    if expect["operation"]["since"].is_null() && operation.is_object() {
        operation.as_object_mut().map(|it| it.remove("since"));
    }
    let mut out = json!({
        "actions": plan.actions,
        "operation": operation,
        "statefulSet": set.map(|it| it.body()["spec"]["replicas"].clone()),
        "requeue": plan.requeue,
    });
    let condition = |kind: &String| {
        let conditions = plan.status.iter().flat_map(|status| &status.conditions);
        let said = conditions.filter(|it| it.type_ == *kind);
        let text = said.map(|it| format!("{} {}: {}", it.status, it.reason, it.message));
        (kind.clone(), json!(text.collect::<Vec<_>>().join("; ")))
    };
    if let Some(named) = expect["conditions"].as_object() {
        out["conditions"] = named.keys().map(condition).collect::<Map<_, _>>().into();
    }
    let object = |(name, shape): (&String, &Value)| {
        let found = plan.objects.iter().find(|it| it.key.to_string() == *name);
        let shown = found.map_or(Value::Null, |found| project(&found.manifest(), shape));
        (name.clone(), shown)
    };
    if let Some(named) = expect["objects"].as_object() {
        out["objects"] = named.iter().map(object).collect::<Map<_, _>>().into();
    }
    out
}

/// Of a value, what the shape names.
fn project(value: &Value, shape: &Value) -> Value {
    match shape {
        Value::Object(shape) => shape
            .iter()
            .map(|(key, shape)| (key.clone(), project(&value[key], shape)))
            .collect::<Map<_, _>>()
            .into(),
        _ => value.clone(),
    }
}

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).expect("it can be written")
}

/// Line by line: what both have, what only the first has (-) and only the second (+).
fn diff(expected: &str, came: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), came.lines().collect());
    // The length of the longest common part of what is left of both.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (sign, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', old[i - 1])
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', old[i - 1])
        } else {
            j += 1;
            ('+', new[j - 1])
        };
        out.push_str(&format!("  {sign} {line}\n"));
    }
    out
}
